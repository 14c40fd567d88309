//! What the tasks and the port share.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::SystemTime,
};

use application::{meter, ports::Signal};
use tokio::sync::{broadcast, watch};

use crate::wire::Message;

/// How many hints a receiver may be behind; beyond that its own channel tells it so.
pub const RECEIVER_SIGNALS_MAX: usize = 4_096;

/// Received hints and the state of the subscription.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) received: broadcast::Sender<Signal>,
    pub(crate) gaps: watch::Sender<u64>,
    subscribed: AtomicBool,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            received: broadcast::Sender::new(RECEIVER_SIGNALS_MAX),
            gaps: watch::Sender::new(0),
            subscribed: AtomicBool::new(false),
        }
    }

    /// Something may have been lost: receivers look for themselves.
    pub(crate) fn gap(&self) {
        self.gaps.send_modify(|gaps| *gaps += 1);
    }

    /// Hands a message of the channel to the receivers.
    pub(crate) fn receive(&self, bytes: &[u8]) {
        match Message::decode(bytes) {
            // Nobody listening is no error.
            Ok(Message::Signal(signal)) => {
                measured(&signal);
                drop(self.received.send(signal));
            }
            Ok(Message::Lost) => self.gap(),
            Err(reason) => {
                tracing::warn!(redis.message_bytes = bytes.len(), %reason, "skipped a malformed message");
            }
        }
    }

    pub(crate) fn subscribed(&self) -> bool {
        self.subscribed.load(Relaxed)
    }

    pub(crate) fn set_subscribed(&self, subscribed: bool) {
        self.subscribed.store(subscribed, Relaxed);
    }
}

/// How long the newest change of a hint was on its way. Another node's clock may be ahead of ours.
fn measured(signal: &Signal) {
    let Signal::Projected { changes, .. } = signal else { return };
    if let Some(change) = changes.last() {
        let lag = SystemTime::from(change.at).elapsed().unwrap_or_default();
        meter::RELAY_LAG.took(lag, []);
    }
}
