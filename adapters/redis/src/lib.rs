//! What processes tell each other through Redis: hints, and what they count together.
//!
//! [`RedisSignals`] never makes anybody wait for Redis: it starts without it, what is published
//! goes into a bounded queue, and it connects again for ever. Where a hint may have been lost, a
//! count of gaps goes up, and receivers look the truth up in Postgres.
//!
//! # How it is put together
//!
//! `publish` → [`outbox`](self) (bounded, wake-ups merged) → *publisher* task → Redis → *listener*
//! task → broadcast to receivers. Beside them a *subscription* task subscribes after every
//! connect, and a *heartbeat* per connection finds out when it is half open or leads to a
//! server that is no longer the primary.
#![deny(missing_docs)]

mod answers;
mod connection;
mod heartbeat;
mod limits;
mod listener;
mod outbox;
mod parcel;
mod publisher;
mod settings;
mod shared;
mod signals;
mod wire;

pub use answers::answers;
pub use limits::RedisLimits;
pub use outbox::OUTBOX_SIGNALS_MAX;
pub use settings::{RedisSettings, SignalError};
pub use shared::RECEIVER_SIGNALS_MAX;
pub use signals::RedisSignals;
pub use wire::MESSAGE_BYTES_MAX;
