//! What operators ask of the queue, and what they do to it.

use domain::operator::OperatorRole;
use serde::Serialize;
use thiserror::Error;

use super::{Acted, JobFilter, JobId, JobRow};
use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Code, Command, Failure, Handle, Outcome, Page, Query,
    Refusal, Terms, Window,
    bus::Done,
    ports::{Cursor, ReadModel, Visibility},
};

/// A page of jobs.
#[derive(Debug, Clone)]
pub struct ListJobs {
    /// Which jobs.
    pub filter: JobFilter,
    /// Which of them.
    pub window: Window<JobId>,
}

/// How many jobs pass.
#[derive(Debug, Clone)]
pub struct CountJobs {
    /// Which jobs.
    pub filter: JobFilter,
}

impl Query for ListJobs {
    type Answer = Page<JobRow, JobId>;
    const NAME: &'static str = "job.list";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
    fn about(&self) -> Option<String> {
        self.filter.state.map(|state| state.name().to_owned())
    }
}

impl Answer<ListJobs> for App {
    async fn answer(&self, _: &Caller, query: ListJobs) -> Answered<ListJobs> {
        self.jobs.page(&query.filter, &query.window).await.map_err(Failure::Unavailable)
    }
}

impl Query for CountJobs {
    type Answer = i64;
    const NAME: &'static str = "job.count";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
    const NOTED: bool = false;
}

impl Answer<CountJobs> for App {
    async fn answer(&self, _: &Caller, query: CountJobs) -> Answered<CountJobs> {
        self.jobs.count(&query.filter).await.map_err(Failure::Unavailable)
    }
}

/// Tries a job anew, all tries before it.
#[derive(Debug, Clone, Serialize)]
pub struct RetryJob {
    /// Which.
    pub id: JobId,
}

/// Takes a job out of the queue: it will never be done.
#[derive(Debug, Clone, Serialize)]
pub struct DiscardJob {
    /// Which.
    pub id: JobId,
}

/// Why nothing was done to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JobRefusal {
    /// There is none, or it is done.
    #[error("job not found")]
    NotFound,
    /// It would be done twice, or not known to be done.
    #[error("a worker has this job; it can be changed when the worker is through with it")]
    Running,
}

impl Refusal for JobRefusal {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::Running => Code::Conflict,
        }
    }
}

/// A job after an operator's act.
#[derive(Debug, Clone)]
pub struct JobChanged {
    /// As it is now; a discarded one as it was.
    pub job: JobRow,
    /// Where the act stands in the audit trail.
    pub cursor: Cursor,
}

impl Done for JobChanged {
    fn cursor(&self) -> Option<Cursor> {
        Some(self.cursor)
    }
    fn seen(&mut self, _: Visibility) {}
}

macro_rules! job_command {
    ($command:ident, $name:literal, $act:ident) => {
        impl Command for $command {
            type Output = JobChanged;
            type Rejection = JobRefusal;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Operator(OperatorRole::Operations);
            const SHOWN_IN: &'static [ReadModel] = &[];
        }

        impl Handle<$command> for App {
            async fn handle(&self, caller: &Caller, command: $command, _: Terms) -> Outcome<$command> {
                // First the note: what was done without one could be hidden.
                let cursor =
                    self.note::<JobRefusal>(caller, $command::NAME, Some(command.id.to_string())).await?;
                changed(self.jobs.$act(command.id).await, cursor)
            }
        }
    };
}
job_command!(RetryJob, "job.retry", retry);
job_command!(DiscardJob, "job.discard", discard);

fn changed(acted: Result<Acted, BoxError>, cursor: Cursor) -> Result<JobChanged, Failure<JobRefusal>> {
    match acted.map_err(Failure::Unavailable)? {
        Acted::Done(job) => Ok(JobChanged { job, cursor }),
        Acted::Running => Err(Failure::Rejected(JobRefusal::Running)),
        Acted::Absent => Err(Failure::Rejected(JobRefusal::NotFound)),
    }
}
