//! Read models built anew beside the serving ones.
//!
//! Each has a schema of its own with empty copies of its tables. The same projection writes them, on
//! a connection that finds that schema first; never past the checkpoint of the one that serves, so
//! that both can be brought to one position, compared there, and swapped. What served before is kept
//! in the schema, and follows, so that the way back is a swap too.

mod build;
mod compare;
mod store;
mod swap;
mod watch;

pub use build::BuildPace;
pub use watch::Builders;

pub(crate) use compare::tables;
pub(crate) use store::{Begun, begin, cancel, progress, take_back};
