//! What a consumer is.

use application::{
    BoxError,
    ports::{Change, Cursor},
};
use async_trait::async_trait;
use deadpool_postgres::Transaction;
use thiserror::Error;

use crate::log::Recorded;

/// What to do with an event that cannot be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Poison {
    /// Stop, with an alarm and a dead letter: nothing is skipped silently.
    #[default]
    Halt,
    /// Put it and all later events of its stream aside as dead letters, in order; others go on.
    Park,
}

/// What a batch led to.
#[derive(Debug, Default)]
pub struct Written {
    /// Live changes, to be signalled after the commit.
    pub changes: Vec<Change>,
}

/// Why a batch was not written.
#[derive(Debug, Error)]
pub enum ProjectionError {
    /// The database failed; the same batch is tried again.
    #[error("the database failed")]
    Storage(#[from] tokio_postgres::Error),
    /// Something else is away; the same batch is tried again.
    #[error("a backend is away")]
    Unavailable(#[source] BoxError),
    /// The projection panicked somewhere in the batch; its events are tried one by one.
    #[error("the projection panicked")]
    Panicked,
    /// One event cannot be written, ever.
    #[error("the event at position {} cannot be written", .at.position)]
    Poison {
        /// Which.
        at: Cursor,
        /// Why.
        #[source]
        cause: BoxError,
    },
}

/// A read model, or any other reader of the log with a checkpoint of its own.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Its name; the version is part of it: `todo_list.v1`.
    fn name(&self) -> &'static str;
    /// The aggregate types it reads.
    fn reads(&self) -> &'static [&'static str];
    /// The consumer it never overtakes, when there is one: what it writes speaks of what that one
    /// has written. Both read the same aggregate types.
    fn behind(&self) -> Option<&'static str> {
        None
    }
    /// What to do with an event that cannot be written.
    fn poison(&self) -> Poison {
        Poison::Halt
    }
    /// Writes a batch, in order. The runner commits it together with the checkpoint, or not at all.
    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError>;
}
