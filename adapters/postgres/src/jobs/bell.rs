//! Tells the workers of a process that there are jobs.

use std::sync::Arc;

use application::ports::{Signal, Signals};
use futures_util::{Stream, stream};
use tokio::sync::{broadcast::error::RecvError, watch};

/// Rung after the commit that put jobs into the queue; in other processes by the hint that the
/// reaction went on. Polling is the guarantee.
#[derive(Debug)]
pub struct Bell(watch::Sender<u64>);

impl Bell {
    /// A bell nobody has rung yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(watch::channel(0).0))
    }

    /// There are jobs.
    pub fn ring(&self) {
        self.0.send_modify(|rung| *rung = rung.wrapping_add(1));
    }

    /// Rings for jobs that other processes put into the queue, until the wire is closed for good.
    pub async fn listen(self: Arc<Self>, reactions: Vec<&'static str>, signals: Arc<dyn Signals>) {
        let mut hints = signals.subscribe();
        loop {
            match hints.recv().await {
                Ok(Signal::Projected { model, .. }) if reactions.contains(&model.as_str()) => self.ring(),
                // What was lost may have been a ring.
                Err(RecvError::Lagged(_)) => self.ring(),
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Each ring from now on; rings that come while nobody listens are one.
    pub(super) fn rings(&self) -> impl Stream<Item = ()> + Send + use<> {
        stream::unfold(self.0.subscribe(), |mut rung| async move {
            rung.changed().await.ok()?;
            Some(((), rung))
        })
    }
}
