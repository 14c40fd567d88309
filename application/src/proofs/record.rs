//! What is published with a checkpoint: the signed note, and the leaves since the one before. With
//! all of them an outsider needs nothing of ours to say which event is not what it was.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    note::Checkpoint,
    ports::{Leaf, SealSource, StoredCheckpoint},
    tree::{Frontier, Hash, Node},
};
use crate::BoxError;

/// The bytes of a leaf in a record: its position, and its hash.
const LEAF_BYTES: usize = 8 + 32;

/// A line of a file of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// How many leaves there are.
    pub size: u64,
    /// The signed note.
    pub checkpoint: String,
    /// The leaves since the checkpoint before, 40 bytes each, in base64.
    leaves: String,
}

/// Why lines are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// It is not what we publish.
    #[error("this is no record of a checkpoint")]
    Form,
    /// Records are missing, or there are others in between.
    #[error("the records do not follow each other")]
    Gap,
}

impl Record {
    /// Of a note and the leaves since the one before it.
    pub fn of(size: u64, note: String, leaves: &[Leaf]) -> Self {
        let mut bytes = Vec::with_capacity(leaves.len() * LEAF_BYTES);
        for leaf in leaves {
            bytes.extend_from_slice(&leaf.position.to_be_bytes());
            bytes.extend_from_slice(&leaf.hash);
        }
        Self { size, checkpoint: note, leaves: STANDARD.encode(bytes) }
    }

    /// Its leaves.
    pub fn leaves(&self) -> Result<Vec<Leaf>, RecordError> {
        let bytes = STANDARD.decode(&self.leaves).map_err(|_| RecordError::Form)?;
        let (leaves, rest) = bytes.as_chunks::<LEAF_BYTES>();
        if !rest.is_empty() {
            return Err(RecordError::Form);
        }
        Ok(leaves.iter().map(leaf).collect())
    }
}

fn leaf(bytes: &[u8; LEAF_BYTES]) -> Leaf {
    let (mut position, mut hash) = ([0; 8], [0; 32]);
    position.copy_from_slice(&bytes[..8]);
    hash.copy_from_slice(&bytes[8..]);
    Leaf { position: i64::from_be_bytes(position), hash }
}

/// Published records: the seals of a log, without its database.
#[derive(Debug, Default)]
pub struct Records {
    leaves: Vec<Leaf>,
    by_position: Vec<(i64, u64)>,
    checkpoints: Vec<StoredCheckpoint>,
}

impl Records {
    /// From records in any order.
    pub fn read(mut records: Vec<Record>) -> Result<Self, RecordError> {
        records.sort_unstable_by_key(|record| record.size);
        records.dedup();
        let mut all = Self::default();
        for record in records {
            let checkpoint = Checkpoint::read(&record.checkpoint).map_err(|_| RecordError::Form)?;
            all.leaves.extend(record.leaves()?);
            if record.size != checkpoint.size {
                return Err(RecordError::Form);
            }
            if all.leaves.len() as u64 != record.size {
                return Err(RecordError::Gap);
            }
            all.checkpoints.push(StoredCheckpoint {
                size: record.size,
                at: checkpoint.at,
                note: record.checkpoint,
            });
        }
        all.by_position = all.leaves.iter().zip(0..).map(|(leaf, index)| (leaf.position, index)).collect();
        all.by_position.sort_unstable();
        Ok(all)
    }
}

#[async_trait::async_trait]
impl SealSource for Records {
    async fn size(&self) -> Result<u64, BoxError> {
        Ok(self.leaves.len() as u64)
    }

    async fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, BoxError> {
        let from = usize::try_from(from)?;
        Ok(self.leaves.iter().skip(from).take(limit).copied().collect())
    }

    async fn index_of(&self, position: i64) -> Result<Option<u64>, BoxError> {
        let at = self.by_position.binary_search_by_key(&position, |(position, _)| *position);
        Ok(at.ok().and_then(|at| self.by_position.get(at)).map(|(_, index)| *index))
    }

    async fn nodes(&self, wanted: &[Node]) -> Result<Vec<Hash>, BoxError> {
        wanted.iter().map(|node| subtree(&self.leaves, *node)).collect()
    }

    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, BoxError> {
        let at = self.checkpoints.partition_point(|checkpoint| checkpoint.size < size);
        Ok(self.checkpoints.get(at).cloned())
    }
}

fn subtree(leaves: &[Leaf], node: Node) -> Result<Hash, BoxError> {
    let (first, count) = (usize::try_from(node.index << node.level)?, 1_usize << node.level);
    let leaves = leaves.get(first..first + count).ok_or("there are not that many leaves")?;
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(leaf.hash);
    }
    Ok(frontier.root())
}
