//! Consumers on the command line: how far they came, and what an operator asks of them. Workers do
//! it; a terminal shows how far they are.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use adapter_postgres::{
    PgEventLog,
    consumers::{CheckPace, Leases, PgProjectionDesk, Projection, SelfCheck, Told},
    jobs::Bell,
};
use application::{
    BoxError, Caller, Never, Platform, Problem, Window,
    act::Notes,
    projection::{
        Build, BuildPhase, DeadLetter, Hand, ProjectionAct, ProjectionDesk, ProjectionRefusal, ProjectionRow,
        Settle,
    },
};
use async_trait::async_trait;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    compose::Node,
    settings::Settings,
    workers::{consumers, shown},
    world::{SystemClock, SystemEntropy},
};

/// How often somebody who waits looks again.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After that time without a beginning, people are told why there may be none.
const NOBODY_BUILDS_AFTER: Duration = Duration::from_secs(10);
/// Dead letters on one page.
const LISTED_MAX: usize = application::PAGE_MAX;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Show them all.
    List,
    /// Act on one.
    Act(ProjectionAct, String),
    /// Show the dead letters of one, or of all.
    Letters(Option<String>),
    /// Settle one.
    Settle(Settle, String),
    /// Compute random rows of one, or of all, anew.
    Check(Option<String>),
}

impl Wish {
    /// What these words ask for.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let named = |act, name: &str| Some(Self::Act(act, name.to_owned()));
        match words {
            [] | ["list"] => Some(Self::List),
            ["rebuild", name] => named(ProjectionAct::Rebuild, name),
            ["cancel", name] => named(ProjectionAct::Cancel, name),
            ["rollback", name] => named(ProjectionAct::Return, name),
            ["pause", name] => named(ProjectionAct::Pause, name),
            ["resume", name] => named(ProjectionAct::Resume, name),
            ["dead-letters"] => Some(Self::Letters(None)),
            ["dead-letters", "retry", id] => Some(Self::Settle(Settle::Retry, (*id).to_owned())),
            ["dead-letters", "discard", id] => Some(Self::Settle(Settle::Discard, (*id).to_owned())),
            ["dead-letters", "retry" | "discard"] => None,
            ["dead-letters", name] => Some(Self::Letters(Some((*name).to_owned()))),
            ["check"] => Some(Self::Check(None)),
            ["check", name] => Some(Self::Check(Some((*name).to_owned()))),
            _ => None,
        }
    }
}

/// Does it, and shows what came of it.
#[expect(clippy::print_stdout, reason = "a list for people and pipes")]
pub(crate) async fn projections(settings: &Settings, wish: Wish) -> Result<(), BoxError> {
    let node = Node::new(settings).await.map_err(|error| error.to_string())?;
    let desk = PgProjectionDesk::new(node.pools.pool.clone(), shown(&node));
    let log = PgEventLog::new(&node.pools, Arc::clone(&node.wake));
    let notes = Notes { log: &log, clock: &SystemClock, entropy: &SystemEntropy };
    let (hand, me) = (Hand { desk: &desk, notes }, Caller::system(Platform::Portal, "worker-projections"));
    let said = |problem: Problem| -> BoxError {
        let cause = problem.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{}{cause}", problem.message).into()
    };
    match wish {
        Wish::List => desk.list().await?.iter().for_each(|row| println!("{}", line(row))),
        Wish::Letters(of) => letters(&desk, of.as_deref()).await?,
        Wish::Settle(how, id) => {
            let done = hand.settle(&me, &id, how).await.map_err(|failure| said(failure.into()))?;
            println!("{}", letter(&done.letter));
        }
        Wish::Check(of) => check(&node, &desk, of.as_deref()).await?,
        Wish::Act(act, name) => {
            let done = hand.act(&me, &name, act).await.map_err(|failure| said(failure.into()))?;
            if matches!(act, ProjectionAct::Rebuild | ProjectionAct::Return) {
                follow(&desk, &name).await?;
            } else {
                println!("{}", line(&done.row));
            }
        }
    }
    node.signals.close().await;
    Ok(())
}

fn line(row: &ProjectionRow) -> String {
    let build = row.build.as_ref().map(|build| format!("  {}", stands(build))).unwrap_or_default();
    let error = row.last_error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
    let (name, state, at) = (&row.name, row.state.name(), row.at.position);
    if let Some(reason) = row.off_because {
        return format!("{name:24} {state:10} {reason}");
    }
    let (lag, seconds, rate, letters) = (row.lag_events, row.lag_seconds, row.rate, row.dead_letters);
    format!(
        "{name:24} {state:10} position {at:>10}  lag {lag:>6} ({seconds:.1} s)  {rate:>8.1}/s  \
         {letters} dead letters{build}{error}"
    )
}

fn stands(build: &Build) -> String {
    let left = build.seconds_left.map(|left| format!(", {left:.0} s left")).unwrap_or_default();
    let error = build.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let phase = build.phase.name();
    if build.phase.is_under_way() {
        format!("{phase} {:.1} %, {} events at {:.0}/s{left}", build.percent, build.events, build.rate)
    } else {
        format!("{phase}{error}")
    }
}

#[expect(clippy::print_stdout, reason = "a list for people and pipes")]
async fn letters(desk: &dyn ProjectionDesk, of: Option<&str>) -> Result<(), BoxError> {
    let mut after = None;
    loop {
        let page = desk.letters(of, &Window::First(LISTED_MAX, after)).await?;
        page.edges.iter().for_each(|edge| println!("{}", letter(&edge.node)));
        match page.edges.last() {
            Some(last) if page.has_next => after = Some(last.key.clone()),
            _ => return Ok(()),
        }
    }
}

fn letter(letter: &DeadLetter) -> String {
    let retrying = if letter.retrying { "  to be tried again" } else { "" };
    let (id, kind, stream, error) = (&letter.id, &letter.aggregate_type, &letter.stream, &letter.error);
    format!("{id}  {kind} {stream}  {} attempts{retrying}  {error}", letter.attempts)
}

/// The self-check of a process. What it mends is written down.
pub(crate) fn self_check(
    node: &Node,
    projections: Vec<Arc<dyn Projection>>,
    leases: Arc<Leases>,
    every: Duration,
) -> SelfCheck {
    let log = PgEventLog::new(&node.pools, Arc::clone(&node.wake));
    SelfCheck {
        projections,
        connector: node.pools.connector.clone(),
        leases,
        told: Arc::new(Noted(log)),
        pace: CheckPace { every, ..CheckPace::default() },
    }
}

/// Writes down what the self-check mended, as the system.
struct Noted(PgEventLog);

#[async_trait]
impl Told for Noted {
    async fn mended(&self, about: String) -> Result<(), BoxError> {
        let notes = Notes { log: &self.0, clock: &SystemClock, entropy: &SystemEntropy };
        let me = Caller::system(Platform::Portal, "self-check");
        let noted = notes.note::<Never>(&me, "projection.mended", Some(about)).await;
        noted.map(drop).map_err(|failure| failure.to_string().into())
    }
}

/// Pieces of each kind that are checked when somebody asks.
const CHECKED: usize = 200;

#[expect(clippy::print_stdout, reason = "the outcome is for people and pipes")]
async fn check(node: &Node, desk: &dyn ProjectionDesk, of: Option<&str>) -> Result<(), BoxError> {
    if let Some(of) = of
        && !desk.known().contains(&of)
    {
        let known = desk.known().to_vec();
        return Err(ProjectionRefusal::Unknown { known }.into());
    }
    let leases = Leases::new(node.pools.connector.clone());
    let check = self_check(node, consumers(node, &Bell::new()), leases, CheckPace::default().every);
    let checked = check.round(of, CHECKED).await?;
    checked.mended.iter().for_each(|about| println!("differed, and is mended: {about}"));
    checked.broken.iter().for_each(|about| println!("differs: {about}"));
    let (pieces, mended, left_out) = (checked.pieces, checked.mended.len(), checked.left_out);
    println!("{pieces} pieces computed anew, {mended} mended, {left_out} left out");
    if checked.broken.is_empty() { Ok(()) } else { Err("some differ, and could not be mended".into()) }
}

/// Shows a build until it serves. Nothing happens to it when nobody looks any more.
#[expect(clippy::print_stdout, reason = "the outcome is for people and pipes")]
async fn follow(desk: &dyn ProjectionDesk, name: &str) -> Result<(), BoxError> {
    let bar = bar(name);
    let began = tokio::time::Instant::now();
    let mut told = false;
    loop {
        let row = desk.list().await?.into_iter().find(|row| row.name == name);
        let Some(build) = row.and_then(|row| row.build) else {
            bar.abandon();
            return Err("it was cancelled".into());
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
        bar.set_position((build.percent * 10.0) as u64);
        bar.set_message(stands(&build));
        match build.phase {
            BuildPhase::Kept => {
                bar.finish_and_clear();
                let differing =
                    build.differing.map(|rows| format!(", {rows} rows differed")).unwrap_or_default();
                let locked = build.locked_ms.map(|ms| format!(", swapped in {ms:.1} ms")).unwrap_or_default();
                println!(
                    "{name} serves from other tables: {} events written{differing}{locked}",
                    build.events
                );
                return Ok(());
            }
            BuildPhase::Failed => {
                bar.abandon();
                return Err(stands(&build).into());
            }
            BuildPhase::Building if build.events == 0 && began.elapsed() > NOBODY_BUILDS_AFTER && !told => {
                told = true;
                bar.println(format!("nobody builds {name} yet: does a worker run?"));
                tracing::warn!(consumer = name, "nobody builds it yet: does a worker run?");
            }
            BuildPhase::Building | BuildPhase::Comparing | BuildPhase::Swapping | BuildPhase::Returning => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// On a terminal only: pipes get the outcome.
fn bar(name: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix} [{bar:32}] {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1000).with_style(style).with_prefix(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_nothing_do_nothing() {
        for words in [
            &["rebuild"][..],
            &["rebuild", "a", "b"],
            &["burn", "todo_list.v1"],
            &["dead-letters", "retry"],
            &["dead-letters", "a", "b"],
            &["list", "all"],
        ] {
            assert_eq!(Wish::parse(words), None, "{words:?}");
        }
        assert_eq!(Wish::parse(&[]), Some(Wish::List));
        let rebuild = Wish::Act(ProjectionAct::Rebuild, "todo_list.v1".to_owned());
        assert_eq!(Wish::parse(&["rebuild", "todo_list.v1"]), Some(rebuild));
        let retry = Wish::Settle(Settle::Retry, "mails.v1@1.2".to_owned());
        assert_eq!(Wish::parse(&["dead-letters", "retry", "mails.v1@1.2"]), Some(retry));
    }
}
