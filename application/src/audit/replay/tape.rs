//! What a replay needs of the log.

use async_trait::async_trait;
use domain::{StreamId, Timestamp};
use serde_json::value::RawValue;

use crate::{
    BoxError,
    audit::{AuditEvent, AuditFilter},
    ports::Cursor,
};

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As auditors see them; what is personal in them is still sealed.
    Shown,
    /// As they are stored.
    Stored,
}

/// An event exactly as it is stored.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its place.
    pub cursor: Cursor,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// `todo`, `tag`, …
    pub aggregate_type: String,
    /// Its stream, with its tenant.
    pub stream: StreamId,
    /// Its place in the stream.
    pub sequence: i64,
    /// Its stored name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// The stored text of the event, what is sealed sealed.
    pub payload: Box<RawValue>,
    /// The stored text of who, from where, by which command.
    pub metadata: Box<RawValue>,
}

/// An event in the form that was asked for.
#[derive(Debug)]
pub enum Played {
    /// As auditors see it.
    Shown(Box<AuditEvent>),
    /// As it is stored.
    Stored(Box<StoredEvent>),
}

/// One event of a stretch, or why it cannot be read.
#[derive(Debug)]
pub struct Frame {
    /// Its place.
    pub cursor: Cursor,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// How many events of the stretch had been looked at with it.
    pub nth: u64,
    /// The event, when it can be read.
    pub played: Result<Played, BoxError>,
}

/// What one reading found.
#[derive(Debug, Default)]
pub struct Stretch {
    /// The events that pass, in order.
    pub frames: Vec<Frame>,
    /// How many were looked at.
    pub looked_at: u64,
    /// The last one that was looked at, when there was one.
    pub last: Option<Mark>,
    /// Everything up to here was looked at, whether it passed or not.
    pub scanned: Cursor,
    /// Whether nothing follows that may be read now.
    pub whole: bool,
}

/// An event's place and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its place.
    pub cursor: Cursor,
    /// When it was stored.
    pub recorded_at: Timestamp,
}

/// Where the log ends at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The first transaction that has not begun: every event so far is of an older one.
    pub next_tx: u64,
    /// The time on the clock that stamps events.
    pub now: Timestamp,
}

impl End {
    /// Every event so far is up to here.
    pub fn bound(&self) -> Cursor {
        Cursor { tx: self.next_tx.saturating_sub(1), position: i64::MAX }
    }
}

/// The log as replays read it: always below the oldest open transaction.
#[async_trait]
pub trait AuditTape: Send + Sync + 'static {
    /// At most `limit` events are looked at after a place and up to `until`, with it.
    async fn read(
        &self,
        filter: &AuditFilter,
        view: View,
        after: Cursor,
        until: Option<Cursor>,
        limit: usize,
    ) -> Result<Stretch, BoxError>;
    /// Where the log ends.
    async fn end(&self) -> Result<End, BoxError>;
    /// The first event behind a place.
    async fn first(&self, after: Cursor) -> Result<Option<Mark>, BoxError>;
    /// The last event up to a place, with it.
    async fn last(&self, until: Cursor) -> Result<Option<Mark>, BoxError>;
    /// A place that events recorded before `time` are up to, and later ones behind; `None` when there
    /// is no later one. Transactions overlap, so that it is only as sharp as they are short.
    async fn place_of(&self, time: Timestamp) -> Result<Option<Cursor>, BoxError>;
    /// How many events lie between two places, counted up to a limit.
    async fn count(&self, after: Cursor, until: Cursor, at_most: u64) -> Result<u64, BoxError>;
}
