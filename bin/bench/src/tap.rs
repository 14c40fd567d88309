//! The real wire between processes, and a note of how far a read model has come.

use std::sync::Arc;

use adapter_redis::RedisSignals;
use application::ports::{Signal, Signals};
use async_trait::async_trait;
use tokio::sync::{broadcast, watch};

/// Signals that go out as ever, seen on their way.
pub(crate) struct Tap {
    wire: Arc<RedisSignals>,
    reached: watch::Sender<i64>,
}

impl Tap {
    pub(crate) fn new(wire: Arc<RedisSignals>) -> Self {
        Self { wire, reached: watch::channel(0).0 }
    }

    /// Waits until the read model shows this position.
    pub(crate) async fn reached(&self, position: i64) {
        // The sender lives as long as we do.
        drop(self.reached.subscribe().wait_for(|reached| *reached >= position).await);
    }
}

#[async_trait]
impl Signals for Tap {
    async fn publish(&self, signal: Signal) {
        let reached = match &signal {
            Signal::Projected { reached, .. } => Some(reached.position),
            Signal::Appended { .. } => None,
        };
        self.wire.publish(signal).await;
        if let Some(position) = reached {
            self.reached.send_replace(position);
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Signal> {
        Signals::subscribe(&*self.wire)
    }

    fn gaps(&self) -> watch::Receiver<u64> {
        Signals::gaps(&*self.wire)
    }

    fn connected(&self) -> bool {
        Signals::connected(&*self.wire)
    }
}
