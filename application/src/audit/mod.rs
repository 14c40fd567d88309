//! The log as auditors read it: its events, and what the things they are about were at any time.
//!
//! # How to add an aggregate type
//!
//! One line in [`KINDS`]; a test over the golden files of events fails until it is there. What of its
//! fields may be shown is said in the domain: see [`domain::shown`].

mod as_of;
mod at;
mod difference;
mod events;
mod fold;
mod kinds;
mod moment;
mod reading;
mod shown;

pub use as_of::PlaceOf;
pub use at::{AggregateAt, AggregateView, Point, Seen};
pub use difference::Difference;
pub use events::{AUDIT_COUNT_MAX, AuditEvent, AuditEvents, AuditFilter, CountAuditEvents};
pub use kinds::{KINDS, Kind, UnknownKind};
pub use moment::{END, Moment, MomentError};
pub use reading::FOLD_EVENTS_MAX;
pub use shown::{ERASED, PERSONAL, SECRET, UNREADABLE};

pub mod replay;

use async_trait::async_trait;
use cqrs_es::persist::SerializedEvent;
use domain::{StreamId, Timestamp};

use crate::{BoxError, Page, Window, ports::Cursor};

/// An event of one stream, as it was stored.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its place.
    pub cursor: Cursor,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// The event.
    pub event: SerializedEvent,
}

/// Where a position is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Located {
    /// There is its event; or, where no event has it, the one before.
    At(Cursor),
    /// The log is not as long.
    BeyondEnd {
        /// The highest position there is.
        last: i64,
    },
}

/// Reads the log in its one order.
#[async_trait]
pub trait AuditLog: Send + Sync + 'static {
    /// A page of events, oldest first. Their payloads are as they were stored.
    async fn page(
        &self,
        filter: &AuditFilter,
        window: &Window<Cursor>,
    ) -> Result<Page<AuditEvent, Cursor>, BoxError>;
    /// How many there are, counted up to `most`.
    async fn count(&self, filter: &AuditFilter, most: i64) -> Result<i64, BoxError>;
    /// The stream of a thing, by its own id.
    async fn stream(&self, kind: &str, id: uuid::Uuid) -> Result<Option<StreamId>, BoxError>;
    /// The version of a stream: the last one, or the one it had at a place. 0 before its first event.
    async fn version(&self, kind: &str, stream: &StreamId, at: Option<Cursor>) -> Result<i64, BoxError>;
    /// The events of a stream behind version `after`, up to and with `upto`, oldest first.
    async fn events(
        &self,
        kind: &str,
        stream: &StreamId,
        after: i64,
        upto: i64,
    ) -> Result<Vec<StoredEvent>, BoxError>;
    /// Where a position is.
    async fn locate(&self, position: i64) -> Result<Located, BoxError>;
    /// The last place whose event was recorded at `time` or before; the beginning where there is none.
    async fn place_at(&self, time: Timestamp) -> Result<Cursor, BoxError>;
}
