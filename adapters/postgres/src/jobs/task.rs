//! One run of one job: log lines, time limit, panics, and what becomes of a failure.

use std::{
    fmt,
    marker::PhantomData,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use application::{
    BoxError,
    jobs::{Attempt, Job, JobFailure, JobId, Perform},
    meter,
};
use deadpool_postgres::Pool;
use futures_util::FutureExt;
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Bell;
use crate::BoxedError;

/// What is kept of a cause, in characters.
const CAUSE_CHARS_MAX: usize = 1_000;

/// Who performs, and where failures are written down.
pub(super) struct Desk<D> {
    pub(super) performer: Arc<D>,
    pub(super) pool: Pool,
    pub(super) bell: Arc<Bell>,
}

impl<D> Clone for Desk<D> {
    fn clone(&self) -> Self {
        let (performer, bell) = (Arc::clone(&self.performer), Arc::clone(&self.bell));
        Self { performer, pool: self.pool.clone(), bell }
    }
}

impl<D> fmt::Debug for Desk<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

/// A job of kind `J` as the library carries it, performed by a `D`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Task<D, J> {
    payload: Value,
    #[serde(skip)]
    kind: PhantomData<fn() -> (D, J)>,
}

impl<D: Perform<J> + 'static, J: Job> TaskHandler for Task<D, J> {
    const IDENTIFIER: &'static str = J::NAME;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let job = context.job();
        let attempt = Attempt { job: JobId(*job.id()), number: *job.attempts(), key: job.key().clone() };
        let Some(desk) = context.get_ext::<Desk<D>>() else {
            return Err("nobody performs this kind of job".to_owned());
        };
        tracing::info!("Job {} {} started", J::NAME, attempt.job);
        let started = Instant::now();
        let done = perform(desk.performer.as_ref(), self.payload, &attempt).await;
        // The library takes one job a slot and look: where one was, there may be more.
        desk.bell.ring();
        measured::<J>(&done, &attempt, started);
        match done {
            Ok(()) => {
                let ms = started.elapsed().as_millis();
                tracing::info!("Job {} {} completed in {ms}ms", J::NAME, attempt.job);
                Ok(())
            }
            Err(failure) => {
                let cause = failed::<J>(&attempt, &failure);
                let last = matches!(failure, JobFailure::Never(_));
                let pause = J::QUEUE.pause_after(attempt.number);
                if let Err(error) =
                    put_back(&desk.pool, &attempt, context.worker_id(), &cause, last, pause).await
                {
                    tracing::warn!(error = %BoxedError(error.as_ref()), "a failed job keeps the library's pause");
                }
                // The library writes a failure down as well, but only for a job this worker still holds.
                Err(cause)
            }
        }
    }
}

async fn perform<D: Perform<J>, J: Job>(
    performer: &D,
    payload: Value,
    attempt: &Attempt,
) -> Result<(), JobFailure> {
    let job = J::deserialize(payload).map_err(|error| JobFailure::Never(error.into()))?;
    let work = AssertUnwindSafe(performer.perform(job, attempt)).catch_unwind();
    match tokio::time::timeout(J::QUEUE.run_max, work).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(JobFailure::Again("the job panicked".into())),
        Err(_) => {
            let seconds = J::QUEUE.run_max.as_secs();
            Err(JobFailure::Again(format!("the job took longer than {seconds} s").into()))
        }
    }
}

/// Whether a failure is the last one.
fn is_dead<J: Job>(failure: &JobFailure, attempt: &Attempt) -> bool {
    matches!(failure, JobFailure::Never(_)) || attempt.number >= J::QUEUE.tries
}

fn measured<J: Job>(done: &Result<(), JobFailure>, attempt: &Attempt, started: Instant) {
    let outcome = match done {
        Ok(()) => "done",
        Err(failure) if is_dead::<J>(failure, attempt) => "dead",
        Err(_) => "again",
    };
    let (queue, kind) = J::NAME.split_once(':').unwrap_or((J::NAME, ""));
    meter::JOB_RUNS.add(1, [queue, kind, outcome]);
    meter::JOB_TIME.since(started, [queue, kind]);
}

/// Says in the log that it failed, and why; returns the cause.
fn failed<J: Job>(attempt: &Attempt, failure: &JobFailure) -> String {
    let cause = BoxedError(failure).to_string().chars().take(CAUSE_CHARS_MAX).collect::<String>();
    let (name, id, number) = (J::NAME, attempt.job, attempt.number);
    if is_dead::<J>(failure, attempt) {
        tracing::error!("Job {name} {id} failed after {number} attempt(s): {cause}");
    } else {
        tracing::warn!("Job {name} {id} failed after {number} attempt(s): {cause}");
    }
    cause
}

/// Puts a job back for its next try, or aside for an operator; only while this worker holds it. The
/// library knows one pace for all queues, and nothing that is final at once.
async fn put_back(
    pool: &Pool,
    attempt: &Attempt,
    worker: &str,
    cause: &str,
    last: bool,
    pause: Duration,
) -> Result<(), BoxError> {
    let sql = "UPDATE graphile_worker._private_jobs SET last_error = $3, \
               run_at = now() + $4::bigint * interval '1 millisecond', \
               attempts = CASE WHEN $5 THEN max_attempts ELSE attempts END, \
               locked_by = NULL, locked_at = NULL, updated_at = now() WHERE id = $1 AND locked_by = $2";
    let client = pool.get().await?;
    let statement = client.prepare_cached(sql).await?;
    let pause = i64::try_from(pause.as_millis())?;
    client.execute(&statement, &[&attempt.job.0, &worker, &cause, &pause, &last]).await?;
    Ok(())
}
