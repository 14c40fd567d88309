//! Seals over the log: the consumer that makes leaves of events, and what reads them.
//!
//! Nothing of it is on the path of a command: the consumer polls, and is not woken by an append.

mod events;
mod export;
mod sealing;
mod store;
mod tiles;

pub use events::PgEvents;
pub use export::Export;
pub use sealing::Sealing;
pub use store::PgSeals;
