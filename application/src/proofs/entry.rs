//! What of an event is sealed: the bytes that were stored, and nothing that a restore changes.

use super::tree::{Hash, leaf_hash};

/// The form of the bytes. Another one is another number, and never reads as this one.
const FORM: u8 = 1;

/// An event as it is sealed. Its transaction is not part of it: the numbers of transactions begin
/// anew when a database is restored. Its place in the order is its number among the leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its running number.
    pub position: i64,
    /// When it was stored, in microseconds since 1970.
    pub recorded_at: i64,
    /// `todo`, `tag`, …
    pub aggregate_type: &'a str,
    /// Its stream.
    pub stream: &'a str,
    /// Its place in the stream.
    pub sequence: i64,
    /// Its stored name.
    pub event_type: &'a str,
    /// The version of its shape.
    pub event_version: &'a str,
    /// The event as Postgres writes `jsonb`. Sealed values in it stay sealed, so that erasing a
    /// person changes no byte.
    pub payload: &'a str,
    /// Who, from where, by which command; as Postgres writes `jsonb`.
    pub metadata: &'a str,
}

impl Entry<'_> {
    /// Everything but the position: numbers in eight bytes, the highest first; texts in UTF-8 behind
    /// their length in four bytes.
    pub fn content(&self) -> Vec<u8> {
        let texts = [
            self.aggregate_type,
            self.stream,
            self.event_type,
            self.event_version,
            self.payload,
            self.metadata,
        ];
        let length = texts.iter().map(|text| text.len() + 4).sum::<usize>() + 16;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&self.recorded_at.to_be_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        for text in texts {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// The leaf.
    pub fn leaf(&self) -> Hash {
        leaf_of(self.position, &self.content())
    }
}

/// The leaf of something under a position.
pub fn leaf_of(position: i64, content: &[u8]) -> Hash {
    leaf_hash(&[&[FORM], &position.to_be_bytes(), content])
}
