//! Jobs that only count, and workers that run them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapter_postgres::jobs::{Bell, JobPace, JobQueue, JobRunner};
use application::{
    BoxError,
    jobs::{Attempt, Job, JobFailure, NewJob, Perform, Queue},
};
use serde::{Deserialize, Serialize};
use testkit::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::rig::Node;

/// So quick that no test waits for it; the lease so long that a busy machine does not lose one.
pub(crate) const QUICK: JobPace = JobPace {
    poll: Duration::from_millis(20),
    slots: 8,
    heartbeat: Duration::from_millis(100),
    lease: Duration::from_secs(3),
    sweep: Duration::from_millis(100),
    grace: Duration::from_millis(500),
    retry: Duration::from_millis(50),
};

pub(crate) const TEST_QUEUE: Queue = Queue {
    name: "test",
    tries: 3,
    first_pause: Duration::from_secs(5),
    run_max: Duration::from_millis(2_500),
};

/// What a job of these tests does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Succeed,
    FailAgain,
    FailForGood,
    Panic,
    Stall,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) n: usize,
    pub(crate) act: Act,
}

impl Job for Count {
    const NAME: &'static str = "test:count";
    const QUEUE: Queue = TEST_QUEUE;
}

/// How often each job was performed.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<HashMap<usize, usize>>>);

impl Counter {
    pub(crate) fn runs(&self) -> HashMap<usize, usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn of(&self, n: usize) -> usize {
        self.runs().get(&n).copied().unwrap_or(0)
    }
}

impl Perform<Count> for Counter {
    async fn perform(&self, job: Count, _: &Attempt) -> Result<(), JobFailure> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(job.n).or_default() += 1;
        match job.act {
            Act::Succeed => Ok(()),
            Act::FailAgain => Err(JobFailure::Again("not today".into())),
            Act::FailForGood => Err(JobFailure::Never("550 no such place".into())),
            Act::Panic => panic!("a job of a test panics"),
            Act::Stall => {
                tokio::time::sleep(Duration::from_mins(10)).await;
                Ok(())
            }
        }
    }
}

/// A worker at work, until it is dropped.
pub(crate) struct Worker {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Worker {
    pub(crate) fn start(node: &Node, counter: &Counter) -> Self {
        Self::start_with(node, counter, Bell::new(), QUICK)
    }

    pub(crate) fn start_with(node: &Node, counter: &Counter, bell: Arc<Bell>, pace: JobPace) -> Self {
        let runner = JobRunner::new(counter.clone(), node.pools.pool.clone(), bell, pace).kind::<Count>();
        let stop = CancellationToken::new();
        Self { task: tokio::spawn(runner.run(stop.clone())), stop }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Puts jobs into the queue, in a transaction that commits.
pub(crate) async fn put(node: &Node, jobs: impl IntoIterator<Item = Count>) {
    let jobs = jobs.into_iter().map(|job| NewJob::of(&job, &job.n.to_string()).unwrap()).collect();
    put_raw(node, jobs).await.unwrap();
}

pub(crate) async fn put_raw(node: &Node, jobs: Vec<NewJob>) -> Result<(), BoxError> {
    let mut client = node.client().await;
    let tx = client.transaction().await?;
    JobQueue::new(&node.pools.pool, &Bell::new()).put(&tx, jobs).await?;
    tx.commit().await?;
    Ok(())
}

/// Jobs in the queue, whatever their state.
pub(crate) async fn queued(node: &Node) -> i64 {
    node.client().await.query_one("SELECT count(*) FROM graphile_worker.jobs", &[]).await.unwrap().get(0)
}

pub(crate) async fn is_empty(node: &Node) {
    eventually("the queue is empty", async || queued(node).await == 0).await;
}

/// Lets jobs that wait for their next try be due.
pub(crate) async fn hurry(node: &Node) {
    let sql = "UPDATE graphile_worker._private_jobs SET run_at = now() WHERE locked_at IS NULL";
    node.client().await.batch_execute(sql).await.unwrap();
}
