//! A reaction as a consumer of the tail: what it writes are jobs, with its checkpoint.

use std::sync::Arc;

use application::{
    BoxError,
    jobs::{Happened, NewJob, Reaction},
};
use async_trait::async_trait;
use cqrs_es::persist::EventUpcaster;
use deadpool_postgres::{Pool, Transaction};
use domain::upcasters;

use super::{Bell, JobQueue};
use crate::{
    consumers::{Effects, Poison, Projection, ProjectionError, Written},
    log::Recorded,
};

/// Puts the jobs that events cause into the queue: exactly once a cause, because the queue and the
/// checkpoint are written in one transaction, and because it is not rebuilt.
pub struct Reacting<R> {
    reaction: R,
    queue: JobQueue,
    bell: Arc<Bell>,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl<R: Reaction> Reacting<R> {
    /// `reaction`, with its queue behind `pool`.
    pub fn new(reaction: R, pool: &Pool, bell: Arc<Bell>) -> Self {
        let queue = JobQueue::new(pool, &bell);
        Self { reaction, queue, bell, steps: upcasters() }
    }

    fn jobs_of(&self, recorded: &Recorded) -> Result<Vec<NewJob>, BoxError> {
        if !R::CAUSES.contains(&recorded.event_type.as_str()) {
            return Ok(Vec::new());
        }
        let event: R::Event = recorded.event(&self.steps)?;
        let happened = Happened { stream: &recorded.stream, sequence: recorded.sequence, event };
        self.reaction.react(&happened)
    }
}

#[async_trait]
impl<R: Reaction> Projection for Reacting<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn reads(&self) -> &'static [&'static str] {
        R::READS
    }

    fn effects(&self) -> Effects {
        Effects::Outside
    }

    /// One event that cannot be read keeps nobody else from getting mail.
    fn poison(&self) -> Poison {
        Poison::Park
    }

    fn passes_over(&self, event: &Recorded) -> bool {
        self.jobs_of(event).is_ok_and(|jobs| jobs.is_empty())
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let mut jobs = Vec::new();
        for recorded in batch {
            let caused = self.jobs_of(recorded);
            jobs.extend(caused.map_err(|cause| ProjectionError::Poison { at: recorded.cursor, cause })?);
        }
        if jobs.is_empty() {
            return Ok(Written::default());
        }
        // A read model can be written again after a crash of the server; a mail that left cannot be
        // called back. So this commit waits for the disk.
        tx.batch_execute("SET LOCAL synchronous_commit = on").await?;
        self.queue.put(tx, jobs).await.map_err(ProjectionError::Unavailable)?;
        Ok(Written { bell: Some(Arc::clone(&self.bell)), ..Written::default() })
    }
}
