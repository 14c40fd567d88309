//! Where jobs are performed, over the ports they need.

use std::{future::Future, ops::Deref, sync::Arc};

use domain::{operator::Operator, user::User};
use thiserror::Error;

use super::{Job, JobId, Upkeep};
use crate::{
    Aggregates, BoxError,
    mail::{Mailer, SentLog},
    ports::{Clock, EventLog, Vault, VaultError},
};

/// Which run of which job this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// From 1.
    pub number: i16,
    /// What names its cause; the same in each run.
    pub key: Option<String>,
}

/// Why a job is not done.
#[derive(Debug, Error)]
pub enum JobFailure {
    /// Trying again helps.
    #[error(transparent)]
    Again(BoxError),
    /// It never will be: an operator looks at it.
    #[error(transparent)]
    Never(BoxError),
}

impl From<VaultError> for JobFailure {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Unavailable(_) => Self::Again(error.into()),
            VaultError::Broken(_) => Self::Never(error.into()),
        }
    }
}

/// Performs one kind of job. It may be called more than once for one job, even at the same time.
pub trait Perform<J: Job>: Send + Sync {
    /// Does it, or says why not.
    fn perform(&self, job: J, attempt: &Attempt) -> impl Future<Output = Result<(), JobFailure>> + Send;
}

/// The ports of the jobs.
pub struct JobDeps {
    /// The causes.
    pub log: Arc<dyn EventLog>,
    /// Streams of users.
    pub users: Aggregates<User>,
    /// Streams of operators.
    pub operators: Aggregates<Operator>,
    /// Personal data.
    pub vault: Arc<dyn Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Sends mail; absent where mail is off: such a worker leaves mails to others.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Knows which mails left.
    pub sent: Arc<dyn SentLog>,
    /// Where links in mails lead.
    pub web_url: String,
    /// Removes what nobody needs any more.
    pub upkeep: Arc<dyn Upkeep>,
}

/// Performs all our jobs. Cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<JobDeps>);

impl Jobs {
    /// Jobs over these ports.
    pub fn new(deps: JobDeps) -> Self {
        Self(Arc::new(deps))
    }
}

impl Deref for Jobs {
    type Target = JobDeps;
    fn deref(&self) -> &JobDeps {
        &self.0
    }
}
