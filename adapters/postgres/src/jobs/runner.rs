//! Runs the jobs of one process, as long as it lives.

use std::{sync::Arc, time::Duration};

use application::{
    BoxError,
    jobs::{Job, Perform, Schedule},
};
use deadpool_postgres::Pool;
use graphile_worker::{JobDefinition, TaskHandler, Worker, WorkerOptions};
use tokio_util::sync::CancellationToken;

use super::{
    Bell, SCHEMA,
    database::database,
    task::{Desk, Task},
};
use crate::BoxedError;

/// How patient a worker is.
#[derive(Debug, Clone, Copy)]
pub struct JobPace {
    /// How often it looks for jobs nobody told it of: the guarantee.
    pub poll: Duration,
    /// How many it runs at once.
    pub slots: usize,
    /// How often it says that it lives.
    pub heartbeat: Duration,
    /// A worker that said nothing for this long loses its jobs to others.
    pub lease: Duration,
    /// How often it looks for workers that lost theirs.
    pub sweep: Duration,
    /// How long its jobs may take to end when it is asked to stop; then they are given back.
    pub grace: Duration,
    /// How long to wait after anything that failed.
    pub retry: Duration,
}

impl Default for JobPace {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
            slots: 8,
            heartbeat: Duration::from_secs(5),
            lease: Duration::from_secs(20),
            sweep: Duration::from_secs(5),
            grace: Duration::from_secs(4),
            retry: Duration::from_secs(1),
        }
    }
}

/// Runs jobs that a `D` performs.
pub struct JobRunner<D> {
    desk: Desk<D>,
    bell: Arc<Bell>,
    pace: JobPace,
    kinds: Vec<JobDefinition>,
    schedules: Vec<Schedule>,
}

impl<D: Send + Sync + 'static> JobRunner<D> {
    /// Runs nothing yet: no kind is known.
    pub fn new(performer: D, pool: Pool, bell: Arc<Bell>, pace: JobPace) -> Self {
        let desk = Desk { performer: Arc::new(performer), pool, bell: Arc::clone(&bell) };
        Self { desk, bell, pace, kinds: Vec::new(), schedules: Vec::new() }
    }

    /// Runs jobs of this kind too. Kinds that are not named are left to other workers.
    #[must_use]
    pub fn kind<J: Job>(mut self) -> Self
    where
        D: Perform<J>,
    {
        self.kinds.push(Task::<D, J>::definition());
        self
    }

    /// Fires these, once in a cluster.
    #[must_use]
    pub fn schedules(mut self, schedules: &[Schedule]) -> Self {
        self.schedules.extend_from_slice(schedules);
        self
    }

    /// Runs until `stop`; jobs that are not done in time then are given back.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.work(&stop).await {
                tracing::warn!(error = %BoxedError(error.as_ref()), "jobs stopped; will try again");
                let _ = tokio::time::timeout(self.pace.retry, stop.cancelled()).await;
            }
        }
    }

    async fn work(&self, stop: &CancellationToken) -> Result<(), BoxError> {
        let worker = self.options(stop)?.init().await?;
        Worker::run(&worker).await?;
        Ok(())
    }

    fn options(&self, stop: &CancellationToken) -> Result<WorkerOptions, BoxError> {
        let pace = self.pace;
        let mut options = Worker::options()
            .database(database(&self.desk.pool, &self.bell))
            .schema(SCHEMA)
            .concurrency(pace.slots)
            .poll_interval(pace.poll)
            .heartbeat_interval(pace.heartbeat)
            .sweep_interval(pace.sweep)
            .sweep_threshold(pace.lease)
            .recovery_delay(Duration::ZERO)
            .listen_os_shutdown_signals(false)
            .shutdown_grace_period(pace.grace)
            .shutdown_interrupted_job_retry_delay(Duration::ZERO)
            .shutdown_signal(stop.clone().cancelled_owned())
            .add_extension(self.desk.clone())
            .define_jobs(self.kinds.iter().cloned());
        for schedule in &self.schedules {
            options = options.with_cron(schedule_line(schedule).as_str())?;
        }
        Ok(options)
    }
}

/// A schedule in the library's words: a job still waiting is not doubled, and one that was due
/// while nothing ran is made up for within half a day.
fn schedule_line(schedule: &Schedule) -> String {
    let Schedule { crontab, job } = schedule;
    format!("{crontab} {job} ?id={job}&fill=12h&jobKey={job}")
}
