//! What Enterprise Todo offers: typed buses over the domain, and the ports it needs.
//!
//! # How to add a command
//!
//! In the slice's `commands.rs`: a struct, `impl Command` (name, access, the read models its
//! answer waits for) and `impl Handle<It> for App`. A command without a handler, or without a
//! declared access, does not compile. Queries mirror it in `queries.rs`.
#![deny(missing_docs, clippy::future_not_send)]

pub mod act;
mod aggregates;
pub mod api_key;
mod app;
pub mod audit;
mod bus;
mod caller;
pub mod confirmation;
mod failure;
mod filter;
pub mod jobs;
mod limits;
pub mod live;
pub mod mail;
pub mod meter;
pub mod operator;
mod order;
mod page;
pub mod ports;
pub mod projection;
pub mod proofs;
pub mod role;
pub mod standing;
pub mod tag;
pub mod tenant;
pub mod todo;
pub mod trace;
pub mod two_factor;
pub mod user;

pub use aggregates::{Aggregates, COMMAND_ATTEMPTS_MAX, SNAPSHOT_EVERY};
pub use app::{App, Deps, Lifetimes};
pub use bus::{
    Access, Answer, Answered, Command, Done, Handle, IDEMPOTENCY_KEY_CHARS_MAX, Outcome, Query, Terms,
};
pub use caller::{CONFIRMATION_AGE_MAX, Caller, Member, Platform};
pub use failure::{BoxError, BoxedError, Code, Failure, Never, Problem, Refusal};
pub use filter::{FILTER_NODES_MAX, Filter, FilterTooLarge, Test};
pub use limits::{LocalLimits, PASSWORD_BACKOFF, PUBLIC_LIMIT};
pub use order::{Committed, Order};
pub use page::{Direction, Edge, Keyset, PAGE_DEFAULT, PAGE_MAX, Page, PageError, PageRequest, Window};
