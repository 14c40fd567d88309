//! Wakes readers after a commit: at once in this process, by a hint in the others.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use application::ports::{Cursor, Signal, Signals};
use tokio::sync::{Notify, broadcast::error::RecvError};

use super::Near;

/// A reader of the tail in this process.
pub(crate) struct Reader {
    reads: &'static [&'static str],
    /// The consumer it follows: nothing else wakes it.
    behind: Option<&'static str>,
    pub(crate) woken: Notify,
    /// The newest transaction it was woken for.
    wanted: AtomicU64,
    /// Whether this process leads it: then nobody else has to be told.
    pub(crate) leads: AtomicBool,
    /// It has looked at everything up to here.
    came: Mutex<Cursor>,
}

impl Reader {
    /// The newest transaction it was woken for, unless that was looked at: right after it woke, or
    /// because an older one is open.
    pub(crate) fn waits_for(&self, scanned: Cursor) -> Option<u64> {
        Some(self.wanted.load(Ordering::Relaxed)).filter(|wanted| *wanted > scanned.tx)
    }

    /// It has looked at everything up to `to`: no word of that need wake it.
    pub(crate) fn came(&self, to: Cursor) {
        *self.came.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    fn has_come(&self, to: Cursor) -> bool {
        *self.came.lock().unwrap_or_else(PoisonError::into_inner) >= to
    }
}

/// Never `pg_notify` inside the append: it costs most of the throughput.
pub struct Wake {
    signals: Arc<dyn Signals>,
    readers: RwLock<Vec<Arc<Reader>>>,
    /// What those who are woken read.
    pub(crate) near: Near,
}

impl Wake {
    /// Wakes over this wire.
    pub fn new(signals: Arc<dyn Signals>) -> Arc<Self> {
        Arc::new(Self { signals, readers: RwLock::default(), near: Near::new() })
    }

    pub(crate) fn reader(&self, reads: &'static [&'static str], behind: Option<&'static str>) -> Arc<Reader> {
        let reader = Arc::new(Reader {
            reads,
            behind,
            woken: Notify::new(),
            wanted: AtomicU64::new(0),
            leads: AtomicBool::new(false),
            came: Mutex::default(),
        });
        self.readers.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&reader));
        reader
    }

    /// Events of these aggregate types were committed here.
    pub(crate) async fn appended(&self, types: impl Iterator<Item = &'static str>, tx: u64) {
        let types: Vec<&str> = types.collect();
        if !self.wake_local(&types, tx) {
            let types = types.into_iter().map(str::to_owned).collect();
            self.signals.publish(Signal::Appended { types, tx }).await;
        }
    }

    /// Whether all readers of these types are led by this process.
    fn wake_local(&self, types: &[&str], tx: u64) -> bool {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        let mut led = !readers.is_empty();
        let concerned = |reader: &&Arc<Reader>| {
            reader.behind.is_none()
                && (reader.reads.is_empty() || reader.reads.iter().any(|read| types.contains(read)))
        };
        for reader in readers.iter().filter(concerned) {
            reader.wanted.fetch_max(tx, Ordering::Relaxed);
            led &= reader.leads.load(Ordering::Relaxed);
            // What this process commits it hears of again, over the wire.
            if !reader.has_come(Cursor { tx, position: i64::MAX }) {
                reader.woken.notify_one();
            }
        }
        led
    }

    /// A consumer came further: those who follow it may, too, unless they came along.
    pub(crate) fn projected(&self, consumer: &str, reached: Cursor) {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        let behind = |reader: &&Arc<Reader>| reader.behind == Some(consumer) && !reader.has_come(reached);
        for reader in readers.iter().filter(behind) {
            reader.woken.notify_one();
        }
    }

    /// Passes the hints of other processes on, until the wire is closed for good.
    pub async fn run(self: Arc<Self>) {
        let mut hints = self.signals.subscribe();
        loop {
            match hints.recv().await {
                Ok(Signal::Appended { types, tx }) => {
                    let types: Vec<&str> = types.iter().map(String::as_str).collect();
                    self.wake_local(&types, tx);
                }
                Ok(Signal::Projected { model, reached, .. }) => self.projected(&model, reached),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use testkit::LocalSignals;

    use super::*;

    fn woken(reader: &Reader) -> bool {
        reader.woken.notified().now_or_never().is_some()
    }

    #[tokio::test]
    async fn word_of_what_was_looked_at_wakes_nobody_and_of_what_was_not_does() {
        let wake = Wake::new(LocalSignals::new());
        let reader = wake.reader(&["todo"], None);
        wake.wake_local(&["todo"], 7);
        assert!(woken(&reader), "it has not looked yet");

        reader.came(Cursor { tx: 7, position: i64::MAX });
        wake.wake_local(&["todo"], 7);
        assert!(!woken(&reader), "the same word came over the wire");
        assert_eq!(reader.waits_for(Cursor { tx: 7, position: i64::MAX }), None);

        wake.wake_local(&["tag"], 8);
        assert!(!woken(&reader), "nothing for it");
        wake.wake_local(&["todo"], 8);
        assert!(woken(&reader));
        // It was committed late: the reader saw the one after it, and could not pass.
        reader.came(Cursor { tx: 8, position: i64::MAX });
        wake.wake_local(&["todo"], 10);
        reader.came(Cursor { tx: 8, position: i64::MAX });
        assert!(woken(&reader));
        wake.wake_local(&["todo"], 9);
        assert!(woken(&reader), "an older one has ended: now it can pass");
        assert_eq!(reader.waits_for(Cursor { tx: 8, position: i64::MAX }), Some(10));
    }
}
