//! The queue `maintenance`, and when its jobs are due.

use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attempt, Job, JobFailure, Jobs, Perform, Queue};
use crate::BoxError;

/// Clearing up: nobody waits for it.
pub const MAINTENANCE: Queue = Queue {
    name: "maintenance",
    tries: 5,
    first_pause: Duration::from_mins(1),
    run_max: Duration::from_mins(10),
};

/// How long a client's idempotency key gets its first answer again.
pub const RECEIPTS_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long it is known that a mail left: longer than any job waits for its last try.
pub const SENT_MAILS_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a dead letter waits for an operator.
pub const DEAD_JOBS_KEPT: Duration = Duration::from_hours(90 * 24);
/// Rows removed in one statement, so that none holds locks for long.
pub const FORGET_ROWS_MAX: u32 = 5_000;

/// What is kept for a time only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remnant {
    /// What clients' idempotency keys led to.
    Receipts,
    /// Which mails left, and in development what was in them.
    SentMails,
    /// Dead letters of the queue.
    DeadJobs,
}

/// Removes what nobody needs any more.
#[async_trait]
pub trait Upkeep: Send + Sync + 'static {
    /// Removes at most `limit` of what is older than `before`; how many it were.
    async fn forget(&self, what: Remnant, before: Timestamp, limit: u32) -> Result<u64, BoxError>;
}

/// A job that is due again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Minute, hour, day, month, weekday, in UTC: clocks that change twice a year do not.
    pub crontab: &'static str,
    /// The kind of job.
    pub job: &'static str,
}

/// All schedules: at night in the region we run in, each at a minute of its own.
pub const SCHEDULES: &[Schedule] = &[
    Schedule { crontab: "17 19 * * *", job: ForgetReceipts::NAME },
    Schedule { crontab: "27 19 * * *", job: ForgetSentMails::NAME },
    Schedule { crontab: "37 19 * * *", job: ForgetDeadJobs::NAME },
];

macro_rules! forgets {
    ($(#[$doc:meta])* $kind:ident, $name:literal, $remnant:ident, $kept:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $kind {}

        impl Job for $kind {
            const NAME: &'static str = concat!("maintenance:", $name);
            const QUEUE: Queue = MAINTENANCE;
        }

        impl Perform<$kind> for Jobs {
            async fn perform(&self, _: $kind, _: &Attempt) -> Result<(), JobFailure> {
                self.forget(Remnant::$remnant, $kept).await
            }
        }
    };
}
forgets!(/** Idempotency keys after a week. */ ForgetReceipts, "forget-receipts", Receipts, RECEIPTS_KEPT);
forgets!(/** Sent mails after a week. */ ForgetSentMails, "forget-sent-mails", SentMails, SENT_MAILS_KEPT);
forgets!(/** Dead letters after three months. */ ForgetDeadJobs, "forget-dead-jobs", DeadJobs, DEAD_JOBS_KEPT);

impl Jobs {
    async fn forget(&self, what: Remnant, kept: Duration) -> Result<(), JobFailure> {
        let kept = chrono::Duration::from_std(kept).map_err(|error| JobFailure::Never(error.into()))?;
        let before = self.clock.now() - kept;
        loop {
            let gone = self.upkeep.forget(what, before, FORGET_ROWS_MAX).await.map_err(JobFailure::Again)?;
            if gone < u64::from(FORGET_ROWS_MAX) {
                return Ok(());
            }
        }
    }
}
