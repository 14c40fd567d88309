//! Access tokens from the outside: what is let in, what is not, and which keys are taken.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod checks;
mod good;
mod hostile;
mod keys;
mod odd_keys;
mod rig;
