//! Process managers: what happened leads to jobs.

use domain::StreamId;

use super::NewJob;
use crate::BoxError;

/// An event as a reaction sees it.
pub struct Happened<'a, E> {
    /// Its stream.
    pub stream: &'a StreamId,
    /// Its place in the stream.
    pub sequence: i64,
    /// What happened.
    pub event: E,
}

/// Decides which jobs an event causes. Pure: it asks nobody, so that the same event always causes
/// the same jobs, under the same keys.
pub trait Reaction: Send + Sync + 'static {
    /// Its name; the version is part of it. Its checkpoint is made by a migration: a reaction that
    /// began at the first event would repeat everything it ever caused.
    const NAME: &'static str;
    /// The aggregate type it reads.
    const READS: &'static [&'static str];
    /// The stored names of the events it reacts to: others are not even decoded, so that events
    /// which this release does not know disturb nobody.
    const CAUSES: &'static [&'static str];
    /// The events of that aggregate type.
    type Event: serde::de::DeserializeOwned + Send;

    /// The jobs that it causes.
    fn react(&self, happened: &Happened<'_, Self::Event>) -> Result<Vec<NewJob>, BoxError>;
}
