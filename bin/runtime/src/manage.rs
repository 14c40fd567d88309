//! On the command line: the queue of jobs, and the keys of people under another `DATA_KEY`.

use std::sync::Arc;

use adapter_postgres::{PgPools, PgVault, Rewrapped, jobs::PgJobBoard};
use application::{
    BoxError, Window,
    jobs::{Acted, JobBoard, JobFilter, JobId, JobRow, JobState},
};

use crate::{settings::Settings, world::SystemEntropy};

/// How many jobs are listed.
const JOBS_LISTED_MAX: usize = 100;

/// What to do with the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Show the newest, of one state or of all.
    List(Option<JobState>),
    /// Try one anew, all tries before it.
    Retry(JobId),
    /// Take one out of the queue.
    Discard(JobId),
}

impl Act {
    /// What these words ask for.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let id = |text: &str| text.parse().ok().map(JobId);
        match words {
            [] => Some(Self::List(None)),
            ["retry", text] => id(text).map(Self::Retry),
            ["discard", text] => id(text).map(Self::Discard),
            [text] => JobState::ALL
                .into_iter()
                .find(|state| state.name() == *text)
                .map(|state| Self::List(Some(state))),
            _ => None,
        }
    }
}

/// Does it, and shows what it was done to.
#[expect(clippy::print_stdout, reason = "a list for people and pipes")]
pub(crate) async fn jobs(settings: &Settings, act: Act) -> Result<(), BoxError> {
    let board = PgJobBoard::new(PgPools::new(&settings.postgres)?.pool);
    let (id, done) = match act {
        Act::List(state) => {
            let filter = JobFilter { state, ..JobFilter::default() };
            let page = board.page(&filter, &Window::First(JOBS_LISTED_MAX, None)).await?;
            for edge in page.edges {
                println!("{}", line(&edge.node));
            }
            return Ok(());
        }
        Act::Retry(id) => (id, board.retry(id).await?),
        Act::Discard(id) => (id, board.discard(id).await?),
    };
    match done {
        Acted::Done(job) => println!("{}", line(&job)),
        Acted::Running => return Err(format!("a worker has job {id}").into()),
        Acted::Absent => return Err(format!("there is no job {id}").into()),
    }
    Ok(())
}

/// Puts all keys of people under `DATA_KEY`. What it cannot open makes it fail at the end.
#[expect(clippy::print_stdout, reason = "a result for people and pipes")]
pub(crate) async fn rewrap(settings: &Settings) -> Result<(), BoxError> {
    let pool = PgPools::new(&settings.postgres)?.pool;
    let (own, previous) = (settings.data_key, &settings.data_keys_previous);
    let vault = PgVault::with_previous(pool, Arc::new(SystemEntropy), own, previous);
    let done = vault
        .rewrap(|so_far| {
            tracing::info!(keys.seen = so_far.seen, keys.moved = so_far.moved, "re-wrapping keys");
        })
        .await?;
    let Rewrapped { seen, moved, closed } = done;
    println!("{seen} keys, {moved} of them moved under this DATA_KEY, {closed} that none of the keys opens");
    if closed > 0 {
        return Err(format!("{closed} keys are wrapped with a key that is not in DATA_KEY_PREVIOUS").into());
    }
    Ok(())
}

fn line(job: &JobRow) -> String {
    let error = job.last_error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
    let (id, state, name) = (job.id, job.state.name(), &job.name);
    format!("{id:>8} {state:8} {name:32} {}/{}{error}", job.attempts, job.tries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_nothing_do_nothing() {
        for words in [
            &["dad"][..],
            &["retry"],
            &["retry", "x"],
            &["discard", "-"],
            &["dead", "1"],
            &["retry", "1", "2"],
        ] {
            assert_eq!(Act::parse(words), None, "{words:?}");
        }
        assert_eq!(Act::parse(&[]), Some(Act::List(None)));
        assert_eq!(Act::parse(&["dead"]), Some(Act::List(Some(JobState::Dead))));
        assert_eq!(Act::parse(&["retry", "7"]), Some(Act::Retry(JobId(7))));
    }
}
