//! Consumers and dead letters as GraphQL shows them.

use adapter_web::{ContextExt, CursorText, failed, relay::PageInfo};
use application::{
    Keyset, Page,
    projection::{
        Build, BuildPhase, CountDeadLetters, DeadLetter as Letter, DeadLetterId, ProjectionRow,
        ProjectionState as State,
    },
};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::terms::int;

/// The name of the list, for its cursors.
pub(super) const LETTERS: &str = "deadLetters";

/// Where a projection stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "State")]
pub(crate) enum ProjectionState {
    /// It works.
    Running,
    /// An operator stopped it.
    Paused,
    /// An event that it cannot write stopped it: see its dead letters.
    Halted,
    /// It works, and is built anew beside.
    Rebuilding,
    /// Nobody ever ran it, and the deployment may do without: see `offBecause`.
    Off,
}

/// Where a rebuild stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "BuildPhase")]
pub(crate) enum RebuildPhase {
    /// It reads the log from the first event on.
    Building,
    /// It is compared with what serves, both at one position.
    Comparing,
    /// It is about to serve.
    Swapping,
    /// It serves. What served before is kept for a day, and follows.
    Kept,
    /// What served before is about to serve again.
    Returning,
    /// It cannot go on; `error` says why.
    Failed,
}

/// Tables beside those that serve.
#[derive(SimpleObject)]
pub(crate) struct Rebuild {
    phase: RebuildPhase,
    /// Its running number in the log; as text, because it may pass what a JSON number holds.
    position: String,
    /// How much of the way to what serves is done.
    percent: f64,
    /// Running numbers of the log that it has passed, of `total`.
    done: f64,
    /// Running numbers of the log up to what serves.
    total: f64,
    /// Events written.
    events: i32,
    /// Events a second.
    rate: f64,
    /// At its pace so far.
    seconds_left: Option<f64>,
    /// Rows in which it and what served differed when they were compared at one position.
    differing_rows: Option<i32>,
    /// For how long readers waited for the swap.
    locked_ms: Option<f64>,
    error: Option<String>,
    started_at: DateTime<Utc>,
    /// When it began to serve.
    swapped_at: Option<DateTime<Utc>>,
}

impl From<Build> for Rebuild {
    fn from(build: Build) -> Self {
        Self {
            phase: build.phase.into(),
            position: build.at.position.to_string(),
            percent: build.percent,
            done: figure(build.done),
            total: figure(build.total),
            events: int(build.events),
            rate: build.rate,
            seconds_left: build.seconds_left,
            differing_rows: build.differing.map(int),
            locked_ms: build.locked_ms,
            error: build.error,
            started_at: build.started_at,
            swapped_at: build.swapped_at,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "GraphQL's Int ends at 2^31; these stay below 2^53")]
fn figure(number: i64) -> f64 {
    number as f64
}

/// A consumer of the log: a read model, or what causes mails and the like.
#[derive(SimpleObject)]
pub(crate) struct Projection {
    /// The version is part of it: `todo_list.v1`.
    name: String,
    version: i32,
    state: ProjectionState,
    /// While it is `OFF`: why, and what to set to have it.
    off_because: Option<String>,
    /// The running number of the last event before its place; as text, because it may pass what a
    /// JSON number holds.
    position: String,
    /// Events it has still to read, counted up to 100,000; 0 while it is off.
    lag_events: i32,
    /// For how long the oldest of them has been there; 0 without one.
    lag_seconds: f64,
    /// Events a second, over the last ten seconds or so.
    rate: f64,
    /// What halted it.
    last_error: Option<String>,
    /// How many dead letters it has.
    dead_letters: i32,
    /// Whether `rebuildProjection` takes it: what has effects outside is never written again.
    rebuildable: bool,
    /// Tables beside those that serve: on their way, or kept for the way back.
    rebuild: Option<Rebuild>,
}

impl From<ProjectionRow> for Projection {
    fn from(row: ProjectionRow) -> Self {
        Self {
            name: row.name,
            version: row.version,
            state: row.state.into(),
            off_because: row.off_because.map(str::to_owned),
            position: row.at.position.to_string(),
            lag_events: int(row.lag_events),
            lag_seconds: row.lag_seconds,
            rate: row.rate,
            last_error: row.last_error,
            dead_letters: int(row.dead_letters),
            rebuildable: row.rebuildable,
            rebuild: row.build.map(Into::into),
        }
    }
}

/// An event that a projection could not write, or one behind it in its stream.
#[derive(SimpleObject)]
pub(crate) struct DeadLetter {
    id: ID,
    projection: String,
    /// The event's running number in the log.
    position: String,
    aggregate_type: String,
    /// The stream, its tenant included.
    stream: String,
    /// Why it could not be written.
    error: String,
    attempts: i32,
    created_at: DateTime<Utc>,
    /// Whether it is about to be tried again.
    retrying: bool,
}

impl From<Letter> for DeadLetter {
    fn from(letter: Letter) -> Self {
        Self {
            id: letter.id.to_string().into(),
            position: letter.id.at.position.to_string(),
            projection: letter.id.projection,
            aggregate_type: letter.aggregate_type,
            stream: letter.stream,
            error: letter.error,
            attempts: letter.attempts,
            created_at: letter.created_at,
            retrying: letter.retrying,
        }
    }
}

/// A dead letter in a list.
#[derive(SimpleObject)]
struct DeadLetterEdge {
    cursor: CursorText,
    node: DeadLetter,
}

/// A page of dead letters, in the order of the log.
pub(crate) struct DeadLetterConnection {
    pub(super) page: Page<Letter, DeadLetterId>,
    pub(super) of: Option<String>,
}

/// A letter's place in the list.
pub(super) fn key(id: &DeadLetterId) -> Keyset {
    Keyset { value: Some(id.to_string()), id: Uuid::nil() }
}

#[Object]
impl DeadLetterConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<DeadLetterEdge> {
        let cursor = |id| CursorText(ctx.codec().keyset(LETTERS, &key(id)));
        let edges = self.page.edges.iter();
        edges
            .map(|edge| DeadLetterEdge { cursor: cursor(&edge.key), node: edge.node.clone().into() })
            .collect()
    }

    async fn nodes(&self) -> Vec<DeadLetter> {
        self.page.edges.iter().map(|edge| edge.node.clone().into()).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        let cursor = |id| CursorText(ctx.codec().keyset(LETTERS, &key(id)));
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: self.page.edges.first().map(|edge| cursor(&edge.key)),
            end_cursor: self.page.edges.last().map(|edge| cursor(&edge.key)),
        }
    }

    /// How many dead letters there are.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountDeadLetters { of: self.of.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(int).map_err(failed)
    }
}
