//! What tests share: in-memory twins of the ports, a fixed clock, seeded ids, a database of one's
//! own, and the contract that every implementation of a port is held to.
//!
//! # How to add a twin
//!
//! One file with the twin; its rules in `contract/`, one function a rule; one line a rule in the
//! macro of that contract. The twin and the real thing then run the same rules by name.
#![deny(missing_docs)]
#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

mod collector;
pub mod contract;
mod database;
mod env;
mod event_log;
pub mod given;
mod patience;
mod pki;
mod signals;
mod smtp;
mod vault;
mod world;

pub use collector::{Collector, Conduct, SeenSpan};
pub use database::TestDatabase;
pub use env::setting;
pub use event_log::MemoryEventLog;
pub use patience::{PATIENCE, eventually, race};
pub use pki::{Authority, Identity};
pub use signals::LocalSignals;
pub use smtp::{Guard, Manners, SmtpServer};
pub use vault::MemoryVault;
pub use world::{TestClock, TestEntropy, TestPasswords, TestTokens};
