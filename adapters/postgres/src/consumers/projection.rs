//! What a consumer is.

use std::{sync::Arc, time::Duration};

use application::{
    BoxError,
    ports::{Change, Cursor},
};
use async_trait::async_trait;
use deadpool_postgres::Transaction;
use thiserror::Error;

use super::Piece;
use crate::{jobs::Bell, log::Recorded};

/// What to do with an event that cannot be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Poison {
    /// Stop, with an alarm and a dead letter: nothing is skipped silently.
    #[default]
    Halt,
    /// Put it and all later events of its stream aside as dead letters, in order; others go on.
    Park,
}

/// Whether writing it all again would be seen by anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effects {
    /// It writes rows of its own only: a read model, which may be built anew at any time.
    #[default]
    Rows,
    /// What it writes leads to something outside. It is never rebuilt, and never begins at the first
    /// event by itself: the migration that brings it makes its checkpoint, and without one it does
    /// not run.
    Outside,
}

/// What a batch led to.
#[derive(Debug, Default)]
pub struct Written {
    /// Live changes, to be signalled after the commit.
    pub changes: Vec<Change>,
    /// Rung after the commit, because there are new jobs.
    pub bell: Option<Arc<Bell>>,
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

/// What a consumer reads that reads all aggregate types, those that come later too.
pub const EVERYTHING: &[&str] = &[];

/// How long a consumer rests whose rows are for looking back: nobody sees them the moment they are
/// there, and who asks for them right after a command waits for this at most.
pub const LOOKS_BACK: Duration = Duration::from_millis(100);

/// A read model, or any other reader of the log with a checkpoint of its own.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Its name; the version is part of it: `todo_list.v1`.
    fn name(&self) -> &'static str;
    /// The aggregate types it reads; [`EVERYTHING`] are all of them.
    fn reads(&self) -> &'static [&'static str];
    /// The kinds of events, of the types it reads, for which it never writes anything. A read model
    /// has them from [`passed_over`](crate::projections::passed_over).
    fn passed_over(&self) -> &'static [&'static str] {
        &[]
    }
    /// Whether it writes nothing for this event. Where there are no others, they are passed over
    /// without a transaction, like those of types that it does not read.
    fn passes_over(&self, event: &Recorded) -> bool {
        self.passed_over().contains(&event.event_type.as_str())
    }
    /// The consumer it never overtakes, when there is one: what it writes speaks of what that one
    /// has written. Both read the same aggregate types. Once it has caught up, its batches may be
    /// written in the transactions of that one, at the same time; it does not read what they write.
    fn behind(&self) -> Option<&'static str> {
        None
    }
    /// How long it rests after a batch once it has caught up. Under load, what nobody waits for is
    /// gathered meanwhile and costs a batch instead of hundreds; a single event is written at once.
    fn rests(&self) -> Duration {
        Duration::ZERO
    }
    /// Whether it may be built anew.
    fn effects(&self) -> Effects {
        Effects::Rows
    }
    /// The pieces that the self-check computes anew, for each of its tables.
    fn pieces(&self) -> Vec<Piece> {
        Vec::new()
    }
    /// What to do with an event that cannot be written.
    fn poison(&self) -> Poison {
        Poison::Halt
    }
    /// Writes a batch, in order. The runner commits it together with the checkpoint, or not at all.
    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError>;
}
