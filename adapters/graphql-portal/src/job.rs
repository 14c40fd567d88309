//! The queue of jobs: what waits, what failed, and what becomes of it.

use adapter_web::{
    ContextExt, CursorText, failed, problem,
    relay::{self, PageInfo},
};
use application::{
    Code, Edge, Failure, Keyset, Page, Problem, Window,
    jobs::{
        CountJobs, DiscardJob, JobChanged, JobFilter, JobId, JobRefusal, JobRow, JobState as State, ListJobs,
        RetryJob,
    },
};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::terms::{int, page_weight, position, terms};

/// The name of the list in its cursors.
const LIST: &str = "jobs";
/// No job has this id: they are counted from 1.
const NO_JOB: JobId = JobId(0);

#[derive(Default)]
pub(crate) struct JobQuery;

#[derive(Default)]
pub(crate) struct JobMutation;

/// Where a job stands. One that is done is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum JobState {
    /// It was not tried yet.
    Waiting,
    /// A worker has it.
    Running,
    /// It failed and waits for its next try.
    Retrying,
    /// It failed for good: it waits for an operator.
    Dead,
}

impl From<JobState> for State {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting => Self::Waiting,
            JobState::Running => Self::Running,
            JobState::Retrying => Self::Retrying,
            JobState::Dead => Self::Dead,
        }
    }
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Running => Self::Running,
            State::Retrying => Self::Retrying,
            State::Dead => Self::Dead,
        }
    }
}

/// A job in the queue. There is nothing personal in it: what it is about is named by ids.
#[derive(SimpleObject)]
struct Job {
    id: ID,
    /// As `email`.
    queue: String,
    /// As `send-password-reset`.
    kind: String,
    state: JobState,
    /// What names its cause: the stream and the version of the event that led to it.
    key: Option<String>,
    /// How often it was tried.
    attempts: i32,
    /// How often it is tried before it is dead.
    max_attempts: i32,
    /// Why the last try failed.
    last_error: Option<String>,
    created_at: DateTime<Utc>,
    /// When it is tried next, or was to be.
    run_at: DateTime<Utc>,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        let JobRow { id, name, state, key, attempts, tries, last_error, created_at, run_at } = row;
        let (queue, kind) = name.split_once(':').unwrap_or((&name, ""));
        Self {
            id: id.to_string().into(),
            queue: queue.to_owned(),
            kind: kind.to_owned(),
            state: state.into(),
            key,
            attempts: attempts.into(),
            max_attempts: tries.into(),
            last_error,
            created_at,
            run_at,
        }
    }
}

/// A job in a list.
#[derive(SimpleObject)]
struct JobEdge {
    cursor: CursorText,
    node: Job,
}

/// A page of jobs.
struct JobConnection {
    page: Page<JobRow>,
    filter: JobFilter,
}

#[Object]
impl JobConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<JobEdge> {
        let cursor = |key| CursorText(ctx.codec().keyset(LIST, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| JobEdge { cursor: cursor(&edge.key), node: edge.node.clone().into() }).collect()
    }

    async fn nodes(&self) -> Vec<Job> {
        self.page.edges.iter().map(|edge| edge.node.clone().into()).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, LIST, ctx.codec())
    }

    /// How many jobs pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountJobs { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(int).map_err(failed)
    }
}

/// A place as cursors hold it, and back. Ids of jobs are not negative.
fn place_of(id: JobId) -> Keyset {
    Keyset { value: None, id: Uuid::from_u128(id.0.unsigned_abs().into()) }
}

fn id_at(place: &Keyset) -> JobId {
    JobId(i64::try_from(place.id.as_u128()).unwrap_or(i64::MAX))
}

fn by_id(window: Window<Keyset>) -> Window<JobId> {
    match window {
        Window::First(n, place) => Window::First(n, place.as_ref().map(id_at)),
        Window::Last(n, place) => Window::Last(n, place.as_ref().map(id_at)),
    }
}

/// The name of a queue or kind; nothing else can be one.
fn name_of(text: Option<String>, field: &'static str) -> Result<Option<String>> {
    if text.as_ref().is_some_and(|text| text.contains('\0')) {
        let message = format!("{field} must not contain control characters");
        return Err(problem(Problem::new(Code::ValidationFailed, message).of_field(field)));
    }
    Ok(text)
}

#[Object]
impl JobQuery {
    /// Jobs that wait, run or failed, newest first.
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a filter and a page, as clients write them")]
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        state: Option<JobState>,
        queue: Option<String>,
        kind: Option<String>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
    ) -> Result<JobConnection> {
        let (queue, kind) = (name_of(queue, "queue")?, name_of(kind, "kind")?);
        let filter = JobFilter { state: state.map(Into::into), queue, kind };
        let window = by_id(relay::window(ctx, LIST, first, after, last, before)?);
        let list = ListJobs { filter: filter.clone(), window };
        let page = ctx.app().ask(ctx.caller(), list, None).await.map_err(failed)?;
        let Page { edges, has_next, has_previous } = page;
        let edges = edges.into_iter().map(|Edge { key, node }| Edge { key: place_of(key), node }).collect();
        Ok(JobConnection { page: Page { edges, has_next, has_previous }, filter })
    }
}

/// A job after an act.
#[derive(SimpleObject)]
struct JobPayload {
    /// As it is now; a discarded one as it was.
    job: Job,
    /// Where the act stands in the audit trail.
    cursor: CursorText,
}

impl JobPayload {
    fn of(ctx: &Context<'_>, done: Result<JobChanged, Failure<JobRefusal>>) -> Result<Self> {
        let JobChanged { job, cursor } = done.map_err(failed)?;
        Ok(Self { job: job.into(), cursor: position(ctx, cursor) })
    }
}

/// Which job; what is no number names none.
fn job_id(id: &ID) -> JobId {
    id.parse().map_or(NO_JOB, JobId)
}

#[Object]
impl JobMutation {
    /// Tries a job anew, all tries before it. One that a worker has is left alone.
    async fn retry_job(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
    ) -> Result<JobPayload> {
        let retry = RetryJob { id: job_id(&id) };
        JobPayload::of(ctx, ctx.app().send(ctx.caller(), retry, terms(idempotency_key, None)).await)
    }

    /// Takes a job out of the queue for good. One that a worker has is left alone.
    async fn discard_job(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
    ) -> Result<JobPayload> {
        let discard = DiscardJob { id: job_id(&id) };
        JobPayload::of(ctx, ctx.app().send(ctx.caller(), discard, terms(idempotency_key, None)).await)
    }
}
