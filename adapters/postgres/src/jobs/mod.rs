//! The queue of jobs: `graphile_worker` on its own schema, over our pool.
//!
//! The library claims jobs, keeps them while their worker lives, gives those of a dead worker to
//! others, and fires schedules once in a cluster. Ours are the names, the pauses between tries, what
//! is final, the log lines, and how workers are woken.
//!
//! # How to add a kind of job
//!
//! See `application/src/jobs`; here it is one line in `kinds.rs`.

mod bell;
mod board;
mod database;
mod kinds;
mod queue;
mod reacting;
mod runner;
mod task;
mod upkeep;

pub use bell::Bell;
pub use board::PgJobBoard;
pub use kinds::our_kinds;
pub use queue::JobQueue;
pub use reacting::Reacting;
pub use runner::{JobPace, JobRunner};
pub use upkeep::PgUpkeep;

/// Where the library keeps its tables.
pub(crate) const SCHEMA: &str = "graphile_worker";
