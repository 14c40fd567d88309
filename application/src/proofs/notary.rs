//! Signs checkpoints over what is sealed, and publishes them. Any number of notaries may work: a
//! checkpoint is stored behind the one before it, once.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;

use super::{
    keys::SealingKey,
    note::Checkpoint,
    ports::{CheckpointStore, Seals, StoredCheckpoint},
    record::Record,
    tree::{join, subtrees},
};
use crate::{BoxError, meter, ports::Clock};

/// Leaves between two checkpoints, at most.
pub const CHECKPOINT_LEAVES_MAX: u64 = 10_000;
/// How long a sealed event waits for a checkpoint, at most.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);
/// How often a notary looks.
pub const NOTARY_LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How soon checkpoints are made.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// Leaves between two, at most.
    pub leaves: u64,
    /// How long a leaf waits, at most.
    pub every: Duration,
    /// How often a notary looks.
    pub look: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { leaves: CHECKPOINT_LEAVES_MAX, every: CHECKPOINT_EVERY, look: NOTARY_LOOKS_EVERY }
    }
}

/// See the module.
pub struct Notary {
    /// What is sealed.
    pub seals: Arc<dyn Seals>,
    /// Where checkpoints are published, when anywhere.
    pub store: Option<Arc<dyn CheckpointStore>>,
    /// What signs them.
    pub key: Arc<SealingKey>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How soon.
    pub rhythm: Rhythm,
}

impl Notary {
    /// Looks once: signs what is due, publishes what is signed.
    pub async fn attend(&self) -> Result<(), BoxError> {
        while self.sign_next().await? {}
        if let Some(store) = &self.store {
            self.publish(store.as_ref()).await?;
        }
        Ok(())
    }

    /// Signs one checkpoint, when one is due.
    async fn sign_next(&self) -> Result<bool, BoxError> {
        let (newest, sealed) = (self.seals.newest().await?, self.seals.size().await?);
        let (now, from) = (self.clock.now(), newest.as_ref().map_or(0, |newest| newest.size));
        if !self.is_due(newest.as_ref(), sealed, now) {
            return Ok(false);
        }
        let size = sealed.min(from + self.rhythm.leaves);
        let previous = newest.map(|newest| Checkpoint::read(&newest.note)).transpose()?;
        let checkpoint = Checkpoint {
            origin: self.seals.origin().await?,
            size,
            root: join(&self.seals.nodes(&subtrees(0..size)).await?),
            at: now,
            previous: previous.map(|previous| (previous.size, previous.hash())),
        };
        let note = checkpoint.sign(&self.key);
        // Another notary may have been quicker: then its checkpoint is the one.
        let stored = self.seals.store(&StoredCheckpoint { size, at: now, note }, from).await?;
        meter::CHECKPOINTS.add(u64::from(stored), []);
        Ok(stored)
    }

    fn is_due(&self, newest: Option<&StoredCheckpoint>, sealed: u64, now: Timestamp) -> bool {
        let Some(newest) = newest else { return sealed > 0 };
        let waited = (now - newest.at).to_std().unwrap_or_default();
        sealed >= newest.size + self.rhythm.leaves || (sealed > newest.size && waited >= self.rhythm.every)
    }

    /// Publishes what is not there yet, in order.
    async fn publish(&self, store: &dyn CheckpointStore) -> Result<(), BoxError> {
        let mut there = store.newest().await?;
        while let Some(next) = self.seals.checkpoint_from(there + 1).await? {
            let mut leaves = Vec::new();
            while there < next.size {
                let most = usize::try_from(next.size - there)?;
                let read = self.seals.leaves(there, most).await?;
                if read.is_empty() {
                    return Err(format!("leaf {there} is missing").into());
                }
                there += read.len() as u64;
                leaves.extend(read);
            }
            store.publish(&Record::of(next.size, next.note, &leaves)).await?;
        }
        Ok(())
    }
}
