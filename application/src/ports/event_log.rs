//! The log: where events are appended and read back as streams.

use async_trait::async_trait;
use cqrs_es::persist::SerializedEvent;
use domain::{Claim, StreamId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use thiserror::Error;

use crate::BoxError;

/// The largest payload of one event, in bytes of JSON.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// A place in the one order of all events: the transaction, then the position inside it.
/// Positions alone are not an order that can be read safely: they are taken before the commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// The transaction that wrote the event.
    pub tx: u64,
    /// The event's running number.
    pub position: i64,
}

/// An event about to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The stored name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// The event as JSON.
    pub payload: Box<RawValue>,
}

/// A state about to be stored beside its events.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// The version of its shape.
    pub schema: i32,
    /// The state as JSON.
    pub payload: Box<RawValue>,
}

/// New events of one stream.
#[derive(Debug, Clone)]
pub struct Append {
    /// `todo`, `tag`, …
    pub aggregate_type: &'static str,
    /// Which stream.
    pub stream: StreamId,
    /// The sequence of the last event the decision has seen; 0 for a new stream.
    pub seen: i64,
    /// What happened, in order.
    pub events: Vec<NewEvent>,
    /// Unique values the stream takes.
    pub takes: Vec<Claim>,
    /// Unique values the stream lets go.
    pub releases: Vec<Claim>,
    /// The series whose next number goes into the `number` field of the first event.
    pub series: Option<String>,
    /// The state after the events, when it is time for a snapshot.
    pub snapshot: Option<NewSnapshot>,
}

/// A client's key and what it was used for.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// Tenant, actor and the client's own key.
    pub key: String,
    /// The hash of command name and body.
    pub request_hash: [u8; 32],
}

/// What is stored together, or not at all.
#[derive(Debug, Clone)]
pub struct Unit {
    /// One or several streams.
    pub appends: Vec<Append>,
    /// Recorded with the first stream as the receipt.
    pub key: Option<IdempotencyKey>,
    /// Who, from where, by which command: a flat JSON object, the same for all events.
    pub metadata: Box<RawValue>,
}

/// Where the events of a unit went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The place of the last event.
    pub cursor: Cursor,
    /// The number each append was given, in order.
    pub numbers: Vec<Option<i64>>,
}

/// What a client's key led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The stream it changed.
    pub stream: StreamId,
    /// The stream's version after it.
    pub version: i64,
    /// The place of its last event.
    pub cursor: Cursor,
}

/// A stored state.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The sequence of the last event in it.
    pub sequence: i64,
    /// The version of its shape.
    pub schema: i32,
    /// The state as JSON.
    pub payload: Value,
}

/// Why the log did not answer.
#[derive(Debug, Error)]
pub enum LogError {
    /// It is away; trying again helps.
    #[error("the event log is unavailable")]
    Unavailable(#[source] BoxError),
    /// It answered what it must not.
    #[error("the event log failed")]
    Broken(#[source] BoxError),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}

/// Why nothing was appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The stream went on without us: load and decide again.
    #[error("the stream has newer events")]
    Conflict,
    /// Another stream holds the value.
    #[error("{} is taken", .0.scope)]
    Taken(Claim),
    /// The key was used already, for the same request; this came of it.
    #[error("the request was carried out already")]
    Duplicate(Receipt),
    /// An event is larger than any honest one.
    #[error("an event of {bytes} bytes is larger than {PAYLOAD_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The log is away or broken.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The one log. Appends are atomic; streams are read in order.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Stores a unit, or nothing of it.
    async fn append(&self, unit: Unit) -> Result<Appended, AppendError>;

    /// What a client's key led to, when it was used before.
    async fn receipt(&self, key: &IdempotencyKey) -> Result<Option<Receipt>, LogError>;

    /// The stored state of a stream.
    async fn snapshot(&self, aggregate_type: &str, stream: &StreamId) -> Result<Option<Snapshot>, LogError>;

    /// The events of a stream after `sequence`, in order, as they were stored.
    async fn events(
        &self,
        aggregate_type: &'static str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Vec<SerializedEvent>, LogError>;

    /// The place of one event.
    async fn cursor(
        &self,
        aggregate_type: &str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Cursor, LogError>;

    /// The stream that holds a unique value.
    async fn holder(&self, claim: &Claim) -> Result<Option<StreamId>, LogError>;
}
