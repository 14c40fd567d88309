//! What the surfaces share at the edge: HTTP and WebSocket for GraphQL, tokens to callers, errors to
//! wire form, limits, Relay helpers, and the accept loop.
//!
//! # How to build a surface
//!
//! 1. Build the schema with the application's `App` in its data, through [`limit`].
//! 2. `graphql(schema, edge)` answers at `/graphql`; [`with_rest`] puts a REST endpoint beside it.
//! 3. [`layers`] around both: request log, security headers, CORS, panic catch.
//! 4. [`serve`] on a bound listener, with a token that ends it.
//!
//! # How to add a resolver
//!
//! Take what a request knows from [`ContextExt`]; turn refusals into errors with [`failed`],
//! [`refused`] and [`problem`]. An error that carries none of our codes reaches the client as
//! `INTERNAL`, and the log with its text. A field that needs no token carries [`limited`].
#![deny(missing_docs)]

mod body;
mod client;
mod context;
mod cors;
mod cursor;
mod directive;
mod gate;
mod graphiql;
mod http;
mod layers;
mod problem;
mod public;
mod qr;
pub mod relay;
mod request_id;
mod rules;
mod serve;
mod surface;
mod token;
mod traced;
mod ws;

pub use body::{BodyRefused, read_body};
pub use client::client_address;
pub use context::ContextExt;
pub use cursor::{BadCursor, CURSOR_TEXT_BYTES_MAX, CursorCodec, CursorText, LogMark};
pub use directive::limited;
pub use gate::{DIRECTIVES_MAX, EXPANDED_FIELDS_MAX, NESTING_MAX, TOKENS_MAX};
pub use http::{X_CONSISTENCY_TOKEN, shown_position};
pub use layers::{Layered, layers};
pub use problem::{failed, known_code, new_password, problem, refused, retry_after_seconds, status_of};
pub use public::ClientKeys;
pub use qr::qr_data_url;
pub use request_id::RequestId;
pub use rules::{Edge, EdgeRules, limit};
pub use serve::{CONNECTIONS_MAX, Reading, SHUTDOWN_WAIT, ServeLimits, serve};
pub use surface::{Graphql, WithRest, graphql, with_rest};
pub use token::{TokenRefused, caller_of};
