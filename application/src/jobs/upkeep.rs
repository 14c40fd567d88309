//! The queue `maintenance`, and when its jobs are due.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    StreamId, Timestamp,
    user::{UserCommand, UserError},
};
use serde::{Deserialize, Serialize};

use super::{Attempt, Job, JobFailure, Jobs, Perform, Queue};
use crate::{BoxError, Caller, Failure, Order, Platform, Terms};

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
/// People looked at in one go for tokens that have expired.
pub const AWAITING_MAX: u32 = 500;
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
    /// At most `limit` streams of people with a mailed token that was not used yet, those after
    /// `after`, in the order of their names.
    async fn awaiting(&self, after: Option<&StreamId>, limit: u32) -> Result<Vec<StreamId>, BoxError>;
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
    Schedule { crontab: "47 19 * * *", job: ForgetTokens::NAME },
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

/// Mailed tokens that nobody used in time: verifications, resets, invitations. Their claims go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetTokens {}

impl Job for ForgetTokens {
    const NAME: &'static str = "maintenance:forget-tokens";
    const QUEUE: Queue = MAINTENANCE;
}

impl Perform<ForgetTokens> for Jobs {
    /// Where it stopped is not kept: those that are done already are not found again.
    async fn perform(&self, _: ForgetTokens, attempt: &Attempt) -> Result<(), JobFailure> {
        let caller = Caller::system(Platform::User, format!("job {}", attempt.job));
        let mut last = None;
        loop {
            let found = self.upkeep.awaiting(last.as_ref(), AWAITING_MAX).await.map_err(JobFailure::Again)?;
            for stream in &found {
                self.forget_tokens(stream, &caller).await?;
            }
            let full = found.len() >= usize::try_from(AWAITING_MAX).unwrap_or(usize::MAX);
            last = found.into_iter().next_back();
            if !full {
                return Ok(());
            }
        }
    }
}

impl Jobs {
    async fn forget_tokens(&self, stream: &StreamId, caller: &Caller) -> Result<(), JobFailure> {
        let (intent, name, terms) = (UserCommand::ForgetTokens, ForgetTokens::NAME, &Terms::default());
        let order =
            Order { stream: stream.clone(), intent, caller, name, terms, key: None, at: self.clock.now() };
        match self.users.execute(order).await {
            // Somebody who changes something at this moment is left for the next time.
            Ok(_) | Err(Failure::Rejected(UserError::NotFound) | Failure::Conflict { .. }) => Ok(()),
            Err(failure) => Err(JobFailure::Again(failure.into())),
        }
    }

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
