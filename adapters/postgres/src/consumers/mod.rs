//! Consumers of the tail: one runner for all of them.
//!
//! Lease, read a batch (the next one is read while this one is written), one transaction with the
//! rows and the checkpoint by compare-and-set, commit, signal. Exactly once in Postgres: the lease
//! keeps two runners from working for nothing, the fence keeps them from doing harm. A consumer that
//! has caught up with the one it follows rides along in that one's transactions (`seat.rs`).

mod check;
mod checkpoint;
mod copy;
mod desk;
mod desk_letters;
mod lease;
mod letters;
mod projection;
mod retry;
mod runner;
mod seat;
mod shadow;
mod traced;
mod writing;

pub use check::{CheckPace, Checked, Found, Made, Piece, SelfCheck, Told};
pub use checkpoint::{Checkpoint, Status, list, pause, resume};
pub(crate) use copy::{COPY_ROWS_MIN, copy_or_insert};
pub use desk::PgProjectionDesk;
pub use lease::Leases;
pub use projection::{EVERYTHING, Effects, LOOKS_BACK, Poison, Projection, ProjectionError, Written};
pub use runner::{BATCH_EVENTS_MAX, Pace, Runner};
pub use shadow::{BuildPace, Builders};
