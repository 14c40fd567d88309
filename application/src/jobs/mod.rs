//! Jobs: work that never runs in a request.
//!
//! A job is put into the queue in the transaction that reads its cause (a reaction), or by a
//! schedule; a worker performs it, maybe more than once, so what it does must be safe to repeat.
//! It carries ids only: names, addresses and tokens are opened when it runs.
//!
//! # How to add a kind of job
//!
//! 1. Here, in a file of its queue: the payload, with its name and its [`Queue`].
//! 2. `impl Perform<It> for Jobs`: what is done. A kind that nobody performs cannot be run: the
//!    list of the next step does not compile.
//! 3. `adapters/postgres/src/jobs/kinds.rs`: one line. That list *is* what a worker can do.
//! 4. Its cause: an arm in a slice's `reactions.rs`, or a line in [`SCHEDULES`].

mod board;
mod control;
mod desk;
mod email;
mod kind;
mod reaction;
mod upkeep;

pub use board::{Acted, JobBoard, JobCount, JobFilter, JobId, JobRow, JobState};
pub use control::{CountJobs, DiscardJob, JobChanged, JobRefusal, ListJobs, RetryJob};
pub use desk::{Attempt, JobDeps, JobFailure, Jobs, Perform};
pub use email::{Cause, EMAIL, SendEmailVerification, SendNotification, SendPasswordReset};
pub use kind::{Job, NewJob, Queue};
pub use reaction::{Happened, Reaction};
pub use upkeep::{
    AWAITING_MAX, DEAD_JOBS_KEPT, FORGET_ROWS_MAX, ForgetDeadJobs, ForgetReceipts, ForgetSentMails,
    ForgetTokens, MAINTENANCE, RECEIPTS_KEPT, Remnant, SCHEDULES, SENT_MAILS_KEPT, Schedule, Upkeep,
};
