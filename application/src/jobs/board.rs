//! The queue as operators see it.

use std::fmt;

use async_trait::async_trait;
use domain::Timestamp;
use serde::Serialize;

use crate::{BoxError, Page, Window};

/// A job in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a job stands. One that is done is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// It was not tried yet.
    Waiting,
    /// A worker has it.
    Running,
    /// It failed and waits for its next try.
    Retrying,
    /// It failed for good: a dead letter.
    Dead,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Retrying, Self::Dead];

    /// The name on the command line and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Dead => "dead",
        }
    }
}

/// A job as a list shows it. There is nothing personal in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Which.
    pub id: JobId,
    /// `queue:kind`.
    pub name: String,
    /// Where it stands.
    pub state: JobState,
    /// What names its cause.
    pub key: Option<String>,
    /// How often it was tried.
    pub attempts: i16,
    /// How often it is tried at most.
    pub tries: i16,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it was put into the queue.
    pub created_at: Timestamp,
    /// When it is tried next, or was to be.
    pub run_at: Timestamp,
}

/// How many jobs of a kind stand where, and for how long: for alarms and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCount {
    /// `queue:kind`.
    pub name: String,
    /// Where they stand.
    pub state: JobState,
    /// How many.
    pub jobs: i64,
    /// How long the oldest has been due, in milliseconds; 0 when none is due.
    pub oldest_ms: i64,
}

/// Which jobs: all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Those that stand here.
    pub state: Option<JobState>,
    /// Those of this queue: the first part of the name.
    pub queue: Option<String>,
    /// Those of this kind: the second part of the name.
    pub kind: Option<String>,
}

/// What became of an act on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// It was done to this one.
    Done(JobRow),
    /// A worker has it: it is left alone.
    Running,
    /// There is none.
    Absent,
}

/// The queue as operators see it, and what they may do to it.
#[async_trait]
pub trait JobBoard: Send + Sync + 'static {
    /// A page of them, the newest first.
    async fn page(&self, filter: &JobFilter, window: &Window<JobId>)
    -> Result<Page<JobRow, JobId>, BoxError>;
    /// How many there are.
    async fn count(&self, filter: &JobFilter) -> Result<i64, BoxError>;
    /// Tries a job anew that waits or is dead, all tries before it.
    async fn retry(&self, id: JobId) -> Result<Acted, BoxError>;
    /// Takes a job out of the queue.
    async fn discard(&self, id: JobId) -> Result<Acted, BoxError>;
    /// Depth and age, by kind and state.
    async fn stats(&self) -> Result<Vec<JobCount>, BoxError>;
}
