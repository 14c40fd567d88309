//! The near end of the log, read once for all who follow it in this process.
//!
//! A commit wakes every consumer that it concerns, and all of them want the same few events. The
//! first one reads them, of all types; the others find them here. It is an economy and nothing
//! else: who is further behind, or nobody woke, reads the log itself.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
};

use application::ports::{Cursor, LogError};
use tokio::sync::Mutex;

use super::{Batch, Recorded, Tail};

/// Events that are kept, and read in one go. Who is further behind has a backlog.
const NEAR_EVENTS_MAX: usize = 500;

/// All events of the log in a stretch that ends where it was last read.
#[derive(Default)]
struct Stretch {
    /// It begins behind this place.
    from: Cursor,
    /// Everything up to here is in it.
    to: Cursor,
    events: VecDeque<Recorded>,
    /// Who asked before that had its answer: the reading began later.
    answered: u64,
}

/// See the module.
pub(crate) struct Near {
    tail: Tail,
    asked: AtomicU64,
    /// Locked while somebody reads; the others wait for what that one finds.
    stretch: Mutex<Option<Stretch>>,
}

impl Near {
    pub(crate) fn new() -> Self {
        Self { tail: Tail::of(&[]), asked: AtomicU64::new(0), stretch: Mutex::default() }
    }

    /// Nothing of what is kept can be trusted: somebody begins anew, maybe with another server, which
    /// need not have all that the one before had.
    pub(crate) async fn forget(&self) {
        *self.stretch.lock().await = None;
    }

    /// All events of these types after a place, which reach at least to the transaction `wanted`
    /// unless an older one is open. `None`: that place is not near, or there are more than `limit`.
    pub(crate) async fn read(
        &self,
        client: &deadpool_postgres::Client,
        types: &[&str],
        after: Cursor,
        wanted: u64,
        limit: usize,
    ) -> Result<Option<Batch>, LogError> {
        let ticket = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut kept = self.stretch.lock().await;
        // Taken out, so that a reading that fails or is given up leaves nothing behind.
        let mut stretch =
            kept.take().unwrap_or_else(|| Stretch { from: after, to: after, ..Stretch::default() });
        if stretch.to.tx < wanted && stretch.answered < ticket {
            let asked = self.asked.load(Ordering::Relaxed);
            let read = self.tail.read(client, stretch.to, NEAR_EVENTS_MAX).await?;
            // More than is kept: whoever is near then is the next to begin.
            if read.events.len() >= NEAR_EVENTS_MAX {
                return Ok(None);
            }
            stretch.extend(read);
            stretch.answered = asked;
        }
        let found = stretch.after(types, after, limit);
        *kept = Some(stretch);
        Ok(found)
    }
}

impl Stretch {
    fn extend(&mut self, read: Batch) {
        self.events.extend(read.events);
        self.to = read.scanned;
        while self.events.len() > NEAR_EVENTS_MAX {
            self.from = self.events.pop_front().map_or(self.from, |event| event.cursor);
        }
    }

    fn after(&self, types: &[&str], after: Cursor, limit: usize) -> Option<Batch> {
        if after < self.from {
            return None;
        }
        let begin = self.events.partition_point(|event| event.cursor <= after);
        let concerns = |event: &&Recorded| types.is_empty() || types.contains(&event.aggregate_type.as_str());
        let events: Vec<Recorded> =
            self.events.range(begin..).filter(concerns).take(limit).cloned().collect();
        (events.len() < limit).then(|| Batch { events, scanned: self.to.max(after) })
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use serde_json::value::RawValue;

    use super::*;

    fn at(position: i64) -> Cursor {
        Cursor { tx: 7, position }
    }

    fn event(position: i64) -> Recorded {
        let nothing = || RawValue::from_string("{}".to_owned()).unwrap();
        Recorded {
            cursor: at(position),
            recorded_at: Timestamp::default(),
            aggregate_type: if position % 2 == 0 { "todo" } else { "tag" }.to_owned(),
            stream: domain::StreamId::stored("a".to_owned()),
            sequence: position,
            event_type: "a".to_owned(),
            event_version: "1".to_owned(),
            payload: nothing(),
            metadata: nothing(),
        }
    }

    fn stretch(to: i64) -> Stretch {
        let mut stretch = Stretch { from: at(0), to: at(0), ..Stretch::default() };
        stretch.extend(Batch { events: (1..=to).map(event).collect(), scanned: at(to) });
        stretch
    }

    fn found(stretch: &Stretch, types: &[&str], after: i64, limit: usize) -> Option<Vec<i64>> {
        let batch = stretch.after(types, at(after), limit)?;
        Some(batch.events.iter().map(|event| event.cursor.position).collect())
    }

    #[test]
    fn each_finds_what_it_reads_behind_its_own_place() {
        let stretch = stretch(6);
        assert_eq!(found(&stretch, &[], 0, 100), Some(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(found(&stretch, &["todo"], 2, 100), Some(vec![4, 6]));
        assert_eq!(found(&stretch, &["role"], 0, 100), Some(Vec::new()));
        assert_eq!(found(&stretch, &[], 9, 100), Some(Vec::new()));
    }

    #[test]
    fn nobody_is_said_to_have_come_further_than_was_looked_or_back() {
        let stretch = stretch(6);
        assert_eq!(stretch.after(&["role"], at(2), 100).unwrap().scanned, at(6));
        assert_eq!(stretch.after(&[], at(9), 100).unwrap().scanned, at(9));
    }

    #[test]
    fn who_would_find_part_of_it_finds_nothing() {
        let stretch = stretch(6);
        assert_eq!(found(&stretch, &["todo"], 0, 3), None, "there may be more than its batch holds");
        assert_eq!(found(&stretch, &["todo"], 0, 4), Some(vec![2, 4, 6]));
    }

    #[test]
    fn who_is_further_behind_than_what_is_kept_finds_nothing() {
        let most = i64::try_from(NEAR_EVENTS_MAX).unwrap();
        let mut stretch = stretch(most);
        assert!(found(&stretch, &[], 0, usize::MAX).is_some());
        stretch.extend(Batch { events: vec![event(most + 1)], scanned: at(most + 1) });
        assert_eq!(found(&stretch, &[], 0, usize::MAX), None);
        assert_eq!(found(&stretch, &[], 1, usize::MAX).map(|events| events.len()), Some(NEAR_EVENTS_MAX));
    }
}
