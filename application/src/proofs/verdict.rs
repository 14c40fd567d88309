//! Compares events with what was sealed of them, and says what is wrong first.

use std::{collections::VecDeque, ops::Range};

use super::{
    classify::classify,
    keys::VerifyingKey,
    note::Checkpoint,
    ports::{EventSource, Found, Leaf, SealSource, StoredCheckpoint},
    tree::{Frontier, Hash, subtrees},
};
use crate::BoxError;

/// Leaves that are read at once.
pub const LEAVES_AT_ONCE: usize = 20_000;

/// What was done to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// The event is not what was sealed.
    Edited,
    /// The event is gone.
    Deleted,
    /// There is an event that was never sealed, between events that were.
    Inserted,
    /// The event stands in the place of another one.
    Swapped,
    /// The event may be as it was; its leaf does not lead to the signed root.
    Resealed,
    /// A checkpoint is not signed by a known key, or does not follow the one before.
    Forged,
}

impl Wrong {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Deleted => "deleted",
            Self::Inserted => "inserted",
            Self::Swapped => "swapped",
            Self::Resealed => "resealed",
            Self::Forged => "forged",
        }
    }
}

/// The first thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The position of the event.
    pub position: i64,
    /// The number of the leaf at which it shows.
    pub leaf: u64,
    /// What was done.
    pub wrong: Wrong,
}

/// What became of an examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// How many events were compared, and are as they were sealed.
    pub events: u64,
    /// How many signed checkpoints they lead to.
    pub checkpoints: u64,
    /// Leaves before this number are covered by a signature that was checked.
    pub signed: u64,
    /// What is wrong first.
    pub finding: Option<Finding>,
}

/// Compares the events of these leaves with them, and the leaves with the checkpoints over them.
/// `events` begins at the first of them. Without keys no signature is checked.
pub async fn examine(
    seals: &dyn SealSource,
    events: &mut dyn EventSource,
    range: Range<u64>,
    keys: &[VerifyingKey],
    mut progress: impl FnMut(u64) + Send,
) -> Result<Verdict, BoxError> {
    let mut examination = Examination::begin(seals, keys, range.start).await?;
    let (mut sealed, mut found) = (VecDeque::new(), VecDeque::new());
    while examination.frontier.size() < range.end {
        let index = examination.frontier.size();
        if sealed.is_empty() {
            let most = usize::try_from(range.end - index).unwrap_or(usize::MAX).min(LEAVES_AT_ONCE);
            sealed.extend(seals.leaves(index, most).await?);
            progress(index - range.start);
        }
        if found.is_empty() {
            found.extend(events.next().await?);
        }
        let Some(leaf) = sealed.pop_front() else {
            let stands_there = found.front().map(|event: &Found| event.cursor.position);
            return Ok(examination.without_leaf(index, stands_there));
        };
        let event = found.pop_front();
        if event.is_none_or(|event| event.cursor.position != leaf.position || event.hash != leaf.hash) {
            let wrong = examination.difference(&leaf, event, &*events).await?;
            return Ok(examination.found(wrong));
        }
        examination.verdict.events += 1;
        if let Some(finding) = examination.add(&leaf).await? {
            return Ok(examination.found(finding));
        }
    }
    progress(range.end.saturating_sub(range.start));
    examination.anchor().await?;
    Ok(examination.verdict)
}

/// An examination on its way.
struct Examination<'a> {
    seals: &'a dyn SealSource,
    keys: &'a [VerifyingKey],
    frontier: Frontier,
    /// The leaf after the last checkpoint that held, and its position once it is known.
    since: (u64, Option<i64>),
    last: Option<Checkpoint>,
    next: Option<StoredCheckpoint>,
    verdict: Verdict,
}

impl<'a> Examination<'a> {
    async fn begin(seals: &'a dyn SealSource, keys: &'a [VerifyingKey], at: u64) -> Result<Self, BoxError> {
        let peaks = seals.nodes(&subtrees(0..at)).await?;
        let next = seals.checkpoint_from(at + 1).await?;
        let (since, verdict) = ((at, None), Verdict { signed: at, ..Verdict::default() });
        Ok(Self { seals, keys, frontier: Frontier::of(at, peaks), since, last: None, next, verdict })
    }

    fn found(&self, finding: Finding) -> Verdict {
        Verdict { finding: Some(finding), ..self.verdict }
    }

    /// A leaf that has to be there is not.
    fn without_leaf(&self, index: u64, position: Option<i64>) -> Verdict {
        let position = position.or(self.since.1).unwrap_or_default();
        self.found(Finding { position, leaf: index, wrong: Wrong::Resealed })
    }

    /// Adds a leaf, and holds the tree against the checkpoint of that size, when there is one.
    async fn add(&mut self, leaf: &Leaf) -> Result<Option<Finding>, BoxError> {
        self.since.1.get_or_insert(leaf.position);
        self.frontier.push(leaf.hash);
        let Some(stored) = self.next.take_if(|next| next.size == self.frontier.size()) else {
            return Ok(None);
        };
        let finding =
            |wrong| Finding { position: self.since.1.unwrap_or(leaf.position), leaf: self.since.0, wrong };
        let Some(checkpoint) = self.opened(&stored) else {
            return Ok(Some(finding(Wrong::Forged)));
        };
        if checkpoint.root != self.frontier.root() {
            return Ok(Some(finding(Wrong::Resealed)));
        }
        self.verdict.checkpoints += 1;
        self.verdict.signed = checkpoint.size;
        self.since = (checkpoint.size, None);
        self.next = self.seals.checkpoint_from(checkpoint.size + 1).await?;
        self.last = Some(checkpoint);
        Ok(None)
    }

    /// The checkpoint in a note, when it is signed and follows the last one.
    fn opened(&self, stored: &StoredCheckpoint) -> Option<Checkpoint> {
        let opened = if self.keys.is_empty() {
            Checkpoint::read(&stored.note)
        } else {
            Checkpoint::open(&stored.note, self.keys)
        };
        let follows = |checkpoint: &Checkpoint| {
            self.last.as_ref().is_none_or(|last| {
                checkpoint.previous == Some((last.size, last.hash())) && checkpoint.origin == last.origin
            })
        };
        opened.ok().filter(|checkpoint| checkpoint.size == stored.size && follows(checkpoint))
    }

    /// Goes on over leaves alone to the next checkpoint: only then a signature covers the last ones.
    async fn anchor(&mut self) -> Result<(), BoxError> {
        while let Some(size) = self.next.as_ref().map(|next| next.size) {
            if self.since.0 == self.frontier.size() {
                break;
            }
            let most = usize::try_from(size - self.frontier.size()).unwrap_or(usize::MAX).min(LEAVES_AT_ONCE);
            let leaves = self.seals.leaves(self.frontier.size(), most).await?;
            if leaves.is_empty() {
                self.verdict = self.without_leaf(self.frontier.size(), None);
                break;
            }
            for leaf in leaves {
                if let Some(finding) = self.add(&leaf).await? {
                    self.verdict = self.found(finding);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What is wrong where event and leaf differ.
    async fn difference(
        &self,
        leaf: &Leaf,
        event: Option<Found>,
        events: &dyn EventSource,
    ) -> Result<Finding, BoxError> {
        let index = self.frontier.size();
        if let Some(event) = event.filter(|event| event.hash == leaf.hash) {
            // Only the leaf says another position.
            let position = event.cursor.position;
            return Ok(Finding { position, leaf: index, wrong: Wrong::Resealed });
        }
        if let Some(event) = event.filter(|event| event.cursor.position == leaf.position)
            && let Some(root) = self.next.as_ref().and_then(|next| self.opened(next)).map(|next| next.root)
            && self.root_with(&leaf.hash).await? != Some(root)
            && self.root_with(&event.hash).await? == Some(root)
        {
            // The event leads to what was signed, and its leaf does not.
            return Ok(Finding { position: leaf.position, leaf: index, wrong: Wrong::Resealed });
        }
        let (position, wrong) = classify(self.seals, events, index, leaf, event).await?;
        Ok(Finding { position, leaf: index, wrong })
    }

    /// The root at the next checkpoint, with this leaf as the next one.
    async fn root_with(&self, leaf: &Hash) -> Result<Option<Hash>, BoxError> {
        let Some(end) = self.next.as_ref().map(|next| next.size) else { return Ok(None) };
        let mut frontier = self.frontier.clone();
        frontier.push(*leaf);
        while frontier.size() < end {
            let most = usize::try_from(end - frontier.size()).unwrap_or(usize::MAX).min(LEAVES_AT_ONCE);
            let leaves = self.seals.leaves(frontier.size(), most).await?;
            if leaves.is_empty() {
                return Ok(None);
            }
            for leaf in leaves {
                frontier.push(leaf.hash);
            }
        }
        Ok(Some(frontier.root()))
    }
}
