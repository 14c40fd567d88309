//! What waits to be sent. Bounded: wake-ups are merged into one, and of the rest the oldest make
//! room, because the newest tell the most.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use application::ports::Signal;
use tokio::sync::Notify;

use crate::{
    parcel::{Parcel, Waiting as Hint},
    wire::Message,
};

/// How many hints may wait for Redis.
pub const OUTBOX_SIGNALS_MAX: usize = 4_096;

/// The queue between whoever publishes and the publisher task.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The aggregate types of all `Appended` hints.
    appended: BTreeSet<String>,
    /// The newest transaction among them.
    appended_tx: u64,
    others: VecDeque<Hint>,
    dropped: u64,
    /// Whether receivers have yet to hear that something was dropped.
    untold: bool,
}

impl Outbox {
    /// Puts a hint into the queue. It never waits.
    pub(crate) fn push(&self, signal: Signal) {
        let mut waiting = self.lock();
        match signal {
            Signal::Appended { types, tx } => {
                waiting.appended.extend(types);
                waiting.appended_tx = waiting.appended_tx.max(tx);
            }
            other @ Signal::Projected { .. } => {
                if waiting.others.len() >= OUTBOX_SIGNALS_MAX {
                    // Its spans end with it: it was on its way until now.
                    waiting.others.pop_front();
                    waiting.drop_hints(1);
                }
                waiting.others.push_back(Hint::new(other));
            }
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// The next messages, at most `max` and some; waits until there are any.
    pub(crate) async fn next(&self, max: usize) -> Vec<Parcel> {
        loop {
            let messages = self.take(max);
            if !messages.is_empty() {
                return messages;
            }
            self.filled.notified().await;
        }
    }

    /// The next messages, at most `max` and some; none when nothing waits.
    pub(crate) fn take(&self, max: usize) -> Vec<Parcel> {
        let mut waiting = self.lock();
        let mut parcels = Vec::new();
        if !waiting.appended.is_empty() {
            let types = std::mem::take(&mut waiting.appended).into_iter().collect();
            let tx = waiting.appended_tx;
            let text = Message::Signal(Signal::Appended { types, tx }).encode();
            parcels.push(text.map(Parcel::plain));
        }
        let count = waiting.others.len().min(max);
        parcels.extend(waiting.others.drain(..count).map(Hint::parcel));
        let too_long = parcels.iter().filter(|parcel| parcel.is_none()).count();
        if too_long > 0 {
            waiting.drop_hints(too_long as u64);
        }
        let mut parcels: Vec<Parcel> = parcels.into_iter().flatten().collect();
        if std::mem::take(&mut waiting.untold) {
            parcels.extend(Message::Lost.encode().map(Parcel::plain));
        }
        parcels
    }

    /// Counts hints that were taken and could not be sent; receivers will be told.
    pub(crate) fn lost(&self, hints: usize) {
        self.lock().drop_hints(hints as u64);
        self.filled.notify_one();
    }

    /// How many hints were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held, and a hint more or less does no harm.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn drop_hints(&mut self, hints: u64) {
        self.dropped += hints;
        self.untold = true;
    }
}

#[cfg(test)]
mod tests {
    use application::ports::{Cursor, ReadModel};

    use super::*;

    fn projected(position: i64) -> Signal {
        let reached = Cursor { tx: 1, position };
        Signal::Projected { model: ReadModel::TodoList.name().to_owned(), reached, changes: Vec::new() }
    }

    fn appended(of: &str, tx: u64) -> Signal {
        Signal::Appended { types: vec![of.to_owned()], tx }
    }

    fn taken(outbox: &Outbox, max: usize) -> Vec<Message> {
        outbox.take(max).iter().map(|parcel| Message::decode(parcel.text.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn wake_ups_that_wait_become_one() {
        let outbox = Outbox::default();
        for (of, tx) in [("todo", 3), ("tag", 7), ("todo", 5), ("user", 6)] {
            outbox.push(appended(of, tx));
        }
        let types = ["tag", "todo", "user"].map(str::to_owned).to_vec();
        assert_eq!(taken(&outbox, 10), [Message::Signal(Signal::Appended { types, tx: 7 })]);
        assert_eq!(taken(&outbox, 10), []);
    }

    #[test]
    fn the_rest_keeps_its_order_and_comes_in_portions() {
        let outbox = Outbox::default();
        (0..3).for_each(|position| outbox.push(projected(position)));
        assert_eq!(taken(&outbox, 2), [0, 1].map(projected).map(Message::Signal));
        assert_eq!(taken(&outbox, 2), [Message::Signal(projected(2))]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_says_so_once() {
        let outbox = Outbox::default();
        let max = i64::try_from(OUTBOX_SIGNALS_MAX).unwrap();
        (0..max + 5).for_each(|position| outbox.push(projected(position)));
        assert_eq!(outbox.dropped(), 5);
        let first = taken(&outbox, 1);
        assert_eq!(first, [Message::Signal(projected(5)), Message::Lost]);
        let rest = taken(&outbox, usize::MAX);
        assert_eq!(rest.len(), OUTBOX_SIGNALS_MAX - 1);
        assert_eq!(rest.last(), Some(&Message::Signal(projected(max + 4))));
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_what_comes() {
        let outbox = Outbox::default();
        let (next, ()) = tokio::join!(outbox.next(10), async { outbox.push(appended("todo", 1)) });
        assert_eq!(next.len(), 1);
    }
}
