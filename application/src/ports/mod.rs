//! What the application needs from outside: the smallest trait a use case needs, our types only.
//! Each has an in-memory twin in `testkit` that is held to the same contract suite.

mod event_log;
mod limits;
mod progress;
mod secrets;
mod signals;
mod world;

pub use event_log::{
    Append, AppendError, Appended, Cursor, EventLog, IdempotencyKey, LogError, NewEvent, NewSnapshot,
    PAYLOAD_BYTES_MAX, Receipt, Snapshot, Unit,
};
pub use limits::{Backoff, Limit, Lockouts, RateLimits, Wait};
pub use progress::{Progress, READ_WAIT, ReadModel, Visibility};
pub use secrets::{
    AccessTokens, HashError, Passwords, TokenError, TokenSession, TokenSubject, Vault, VaultError,
};
pub use signals::{Change, Signal, Signals};
pub use world::{Clock, Entropy, fresh_token, hash_token};
