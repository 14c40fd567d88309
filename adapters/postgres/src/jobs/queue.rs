//! Where jobs are put.

use std::sync::Arc;

use application::{BoxError, jobs::NewJob};
use deadpool_postgres::{Pool, Transaction};
use graphile_worker::{JobSpec, RawJobSpec, WorkerUtils};

use super::{Bell, SCHEMA, database::database};

/// Puts jobs into the queue, in transactions of others.
pub struct JobQueue(WorkerUtils);

impl JobQueue {
    /// The queue behind `pool`.
    pub fn new(pool: &Pool, bell: &Arc<Bell>) -> Self {
        Self(WorkerUtils::new(database(pool, bell), SCHEMA))
    }

    /// Puts jobs into the queue: they are there once this transaction has committed. Then the bell
    /// is to be rung.
    pub async fn put(&self, tx: &Transaction<'_>, jobs: Vec<NewJob>) -> Result<(), BoxError> {
        let jobs: Vec<RawJobSpec> = jobs.into_iter().map(spec).collect();
        let tx: &tokio_postgres::Transaction<'_> = tx;
        self.0.clone().with_executor(tx).add_raw_jobs(&jobs).await?;
        Ok(())
    }
}

fn spec(job: NewJob) -> RawJobSpec {
    RawJobSpec {
        identifier: job.name.to_owned(),
        payload: job.payload,
        spec: JobSpec { max_attempts: Some(job.tries), job_key: Some(job.key), ..JobSpec::default() },
    }
}
