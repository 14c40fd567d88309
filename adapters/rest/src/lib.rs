//! REST of both surfaces, for machines: todos and tags, lists of them and the audit trail as streams of
//! lines, health, the key set, the document of what there is, and in development the mails that were
//! sent. Whatever goes wrong is answered as an RFC 9457 problem.
//!
//! # How to add an operation
//!
//! Beside `health.rs`: a struct that holds the ports, `#[OpenApi] impl` with one method an
//! operation, its errors as [`Problem`]. What needs a token lies below `/v1` and takes an `Asker`:
//! the gate in front of it (`gate.rs`) knows who asks, and has read the body within the limits. Add
//! it to the tuple in `surface.rs`, then run `cargo xtask schema`: the committed documents show what
//! changed, and the coverage test of `bin/api` calls it the same day.
//!
//! # How to stream
//!
//! Rows out: [`ndjson`](crate) `Chunks` into `Ndjson`. An error in the middle is the last line, and
//! the connection is cut: it never looks like an end. Rows in: `Lines` over the body, and the path
//! in `STREAMED_IN`.
#![deny(missing_docs)]
#![expect(clippy::result_large_err, reason = "a problem is the end of a request: its size is paid once")]

mod asker;
mod audit;
mod gate;
mod health;
mod key_set;
mod lines;
mod ndjson;
mod outbox;
mod packing;
mod page;
mod problem;
mod routes;
mod slots;
mod surface;
mod tag;
mod todo;

pub use gate::{Composed, Opened};
pub use health::{Check, READINESS_WAIT, Readiness};
pub use key_set::KEY_SET_MAX_AGE_SECONDS;
pub use lines::{LINE_BYTES_MAX, LINES_BYTES_MAX, LINES_STALL_MAX};
pub use outbox::{ADDRESS_CHARS_MAX, OUTBOX_MAILS_MAX};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem};
pub use surface::{RestDeps, portal_rest, portal_spec, user_rest, user_spec};
