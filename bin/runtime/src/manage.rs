//! The queue of jobs on the command line: what waits, what failed, and what becomes of it.

use adapter_postgres::{PgPools, jobs::PgJobBoard};
use application::{
    BoxError,
    jobs::{JobBoard, JobId, JobRow, JobState},
};

use crate::settings::Settings;

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
            for job in board.list(state, None, JOBS_LISTED_MAX).await? {
                println!("{}", line(&job));
            }
            return Ok(());
        }
        Act::Retry(id) => (id, board.retry(id).await?),
        Act::Discard(id) => (id, board.discard(id).await?),
    };
    let job = done.ok_or_else(|| format!("there is no job {id}, or a worker has it"))?;
    println!("{}", line(&job));
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
