//! The wire between processes, inside one process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use application::ports::{Signal, Signals};
use async_trait::async_trait;
use tokio::sync::{broadcast, watch};

const SIGNALS_MAX: usize = 4096;

/// Hints that all who share it receive. "Processes" of a test share one.
#[derive(Debug)]
pub struct LocalSignals {
    wire: broadcast::Sender<Signal>,
    gaps: watch::Sender<u64>,
    connected: AtomicBool,
}

impl LocalSignals {
    /// A wire that stands.
    pub fn new() -> Arc<Self> {
        let (wire, gaps) = (broadcast::channel(SIGNALS_MAX).0, watch::channel(0).0);
        Arc::new(Self { wire, gaps, connected: AtomicBool::new(true) })
    }

    /// Cuts the wire: what is published from now on is lost.
    pub fn cut(&self) {
        self.connected.store(false, Ordering::SeqCst);
    }

    /// The wire stands again, and receivers learn that they may have lost something.
    pub fn mend(&self) {
        self.connected.store(true, Ordering::SeqCst);
        self.gaps.send_modify(|gaps| *gaps += 1);
    }
}

#[async_trait]
impl Signals for LocalSignals {
    async fn publish(&self, signal: Signal) {
        if self.connected() {
            // Nobody listening is no failure: it is a hint.
            let _ = self.wire.send(signal);
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.wire.subscribe()
    }

    fn gaps(&self) -> watch::Receiver<u64> {
        self.gaps.subscribe()
    }

    fn connected(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
    }
}
