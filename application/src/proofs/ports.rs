//! What proofs need from outside: the sealed leaves, the events they were made of, and where signed
//! checkpoints go.

use async_trait::async_trait;
use domain::Timestamp;

use super::{
    record::Record,
    tree::{Hash, Node},
};
use crate::{BoxError, Page, Window, ports::Cursor};

/// A sealed event: under which position, and the hash of what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The event's position.
    pub position: i64,
    /// The hash of the leaf.
    pub hash: Hash,
}

/// An event as it is stored now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Where it stands.
    pub cursor: Cursor,
    /// The leaf that it would be.
    pub hash: Hash,
}

/// Where a position stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is sealed, as this leaf.
    Sealed(u64, Leaf),
    /// There is an event, and it is not sealed yet.
    Waiting,
    /// No event has it: its transaction was rolled back.
    Unused,
    /// The log does not reach that far.
    Beyond,
}

/// A checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// How many leaves it speaks of.
    pub size: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// How far sealing is behind the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SealingLag {
    /// Events that are not sealed yet; at most [`LAG_EVENTS_MAX`].
    pub events: u64,
    /// How long the oldest of them has been waiting, in seconds.
    pub seconds: f64,
}

/// No more events than this are counted: it is an alarm, not an account.
pub const LAG_EVENTS_MAX: u64 = 100_000;

/// Sealed leaves and signed checkpoints.
#[async_trait]
pub trait SealSource: Send + Sync {
    /// How many leaves there are.
    async fn size(&self) -> Result<u64, BoxError>;
    /// At most `limit` leaves from number `from` on, without a gap: fewer when one is missing.
    async fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, BoxError>;
    /// The number of the leaf under a position.
    async fn index_of(&self, position: i64) -> Result<Option<u64>, BoxError>;
    /// The hashes of these complete subtrees.
    async fn nodes(&self, wanted: &[Node]) -> Result<Vec<Hash>, BoxError>;
    /// The smallest checkpoint of at least `size` leaves.
    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, BoxError>;
}

/// Events in the order of the log.
#[async_trait]
pub trait EventSource: Send + Sync {
    /// The next ones; none at the end.
    async fn next(&mut self) -> Result<Vec<Found>, BoxError>;
    /// All that is stored under a position.
    async fn at(&self, position: i64) -> Result<Vec<Hash>, BoxError>;
    /// What is stored there, without its position.
    async fn content(&self, of: &Found) -> Result<Vec<u8>, BoxError>;
}

/// The seals of this system's own log.
#[async_trait]
pub trait Seals: SealSource + 'static {
    /// Which log this is.
    async fn origin(&self) -> Result<String, BoxError>;
    /// Where a position stands.
    async fn place(&self, position: i64) -> Result<Place, BoxError>;
    /// The numbers of the leaves under these positions, when there are any: the first, and the one
    /// after the last.
    async fn range(&self, from: i64, to: i64) -> Result<Option<std::ops::Range<u64>>, BoxError>;
    /// The newest checkpoint.
    async fn newest(&self) -> Result<Option<StoredCheckpoint>, BoxError>;
    /// A page of checkpoints, the newest first. A place among them is a size.
    async fn checkpoints(&self, window: &Window<u64>) -> Result<Page<StoredCheckpoint, u64>, BoxError>;
    /// The events of these leaves, to be compared with them.
    async fn events(&self, leaves: std::ops::Range<u64>) -> Result<Box<dyn EventSource>, BoxError>;
    /// Stores a checkpoint behind the one of `previous` leaves. `false`: somebody else has.
    async fn store(&self, checkpoint: &StoredCheckpoint, previous: u64) -> Result<bool, BoxError>;
    /// How far sealing is behind.
    async fn lag(&self) -> Result<SealingLag, BoxError>;
}

/// Where checkpoints are published: a place that lets things be written once.
#[async_trait]
pub trait CheckpointStore: Send + Sync + 'static {
    /// The size of the newest one there; 0 when there is none.
    async fn newest(&self) -> Result<u64, BoxError>;
    /// Writes one. One that is there already must be the same.
    async fn publish(&self, record: &Record) -> Result<(), BoxError>;
}
