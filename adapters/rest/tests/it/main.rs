//! REST of both surfaces, through their endpoints.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod document;
mod health;
mod outbox;
mod problems;
mod rig;
