//! REST of both surfaces, for machines: health, the key set, the document of what there is, and in
//! development the mails that were sent. Whatever goes wrong is answered as an RFC 9457 problem.
//!
//! # How to add an operation
//!
//! Beside `health.rs`: a struct that holds the ports, `#[OpenApi] impl` with one method an
//! operation, its errors as [`Problem`]. Add it to the tuple in `surface.rs`, then run
//! `cargo xtask schema`: the committed documents show what changed.
#![deny(missing_docs)]

mod health;
mod key_set;
mod outbox;
mod problem;
mod surface;

pub use health::{Check, READINESS_WAIT, Readiness};
pub use key_set::KEY_SET_MAX_AGE_SECONDS;
pub use outbox::{ADDRESS_CHARS_MAX, OUTBOX_MAILS_MAX};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem};
pub use surface::{RestDeps, portal_rest, portal_spec, user_rest, user_spec};
