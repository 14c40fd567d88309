//! What was done where an event and its leaf differ.

use super::{
    entry::leaf_of,
    ports::{EventSource, Found, Leaf, SealSource},
    verdict::{LEAVES_AT_ONCE, Wrong},
};
use crate::BoxError;

/// What was done to the event under leaf `index`, where `event` stands now, and to which position.
/// All before it are as they were sealed.
pub(super) async fn classify(
    seals: &dyn SealSource,
    events: &dyn EventSource,
    index: u64,
    leaf: &Leaf,
    event: Option<Found>,
) -> Result<(i64, Wrong), BoxError> {
    let here = leaf.position;
    let Some(event) = event else { return Ok((here, Wrong::Deleted)) };
    let there = event.cursor.position;
    if there == here {
        // The right one follows: this one was put before it.
        if events.at(here).await?.contains(&leaf.hash) {
            return Ok((here, Wrong::Inserted));
        }
        let content = events.content(&event).await?;
        let wrong = if is_sealed(seals, &content).await? { Wrong::Swapped } else { Wrong::Edited };
        return Ok((here, wrong));
    }
    let Some(sealed) = seals.index_of(there).await? else {
        // Under a position that nobody has sealed: new, or this event under another number.
        let content = events.content(&event).await?;
        let moved = leaf_of(here, &content) == leaf.hash && events.at(here).await?.is_empty();
        return Ok(if moved { (here, Wrong::Edited) } else { (there, Wrong::Inserted) });
    };
    if sealed < index || events.at(there).await?.len() > 1 {
        // A second one of what is there already.
        return Ok((there, Wrong::Inserted));
    }
    let wrong = if events.at(here).await?.is_empty() { Wrong::Deleted } else { Wrong::Swapped };
    Ok((here, wrong))
}

/// Whether this content is sealed under any position.
async fn is_sealed(seals: &dyn SealSource, content: &[u8]) -> Result<bool, BoxError> {
    let mut from = 0;
    loop {
        let leaves = seals.leaves(from, LEAVES_AT_ONCE).await?;
        if leaves.is_empty() {
            return Ok(false);
        }
        if leaves.iter().any(|leaf| leaf_of(leaf.position, content) == leaf.hash) {
            return Ok(true);
        }
        from += leaves.len() as u64;
    }
}
