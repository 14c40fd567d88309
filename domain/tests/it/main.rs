//! The stored form of everything that ever happened: pinned, and readable for ever.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod examples;
mod golden;
