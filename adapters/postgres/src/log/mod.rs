//! The log: appending, rehydrating, and the tail that all readers follow.

mod append;
mod columns;
mod event_log;
mod group;
mod identity;
mod near;
mod statement;
mod streams;
mod tail;
mod wake;

pub(crate) use append::classify;
pub use event_log::PgEventLog;
pub use identity::{identity, is_ahead};
pub(crate) use near::Near;
pub(crate) use streams::understood;
pub use tail::{Batch, Recorded, Tail};
pub(crate) use tail::{COLUMNS, recorded};
pub(crate) use wake::Reader;
pub use wake::Wake;
