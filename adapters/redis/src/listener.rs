//! Receives, and subscribes again after every connect.
//!
//! The library's own loop for this ends for good when its event channel overflows. These never
//! end before they are told to: an overflow is an event like any other, and a gap.

use std::{sync::Arc, time::Duration};

use fred::{
    clients::SubscriberClient,
    interfaces::{ClientLike, EventInterface, PubsubInterface},
    types::config::Server,
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{settings::COMMAND_WAIT, shared::Shared};

/// How long to wait before subscribing is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Hands messages on until it is told to stop.
pub(crate) async fn listen(client: SubscriberClient, shared: Arc<Shared>, closing: CancellationToken) {
    let mut messages = client.message_rx();
    loop {
        let received = tokio::select! {
            () = closing.cancelled() => return,
            received = messages.recv() => received,
        };
        match received {
            // Only one channel is subscribed to.
            Ok(message) => match message.value.as_bytes() {
                Some(bytes) => shared.receive(bytes),
                None => shared.receive(&[]),
            },
            Err(RecvError::Lagged(messages)) => {
                tracing::warn!(redis.messages = messages, "a burst was too large; messages were skipped");
                shared.gap();
            }
            Err(RecvError::Closed) => {
                messages = client.message_rx();
                shared.gap();
                sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Subscribes after every connect until it is told to stop.
pub(crate) async fn keep_subscribed(
    client: SubscriberClient,
    mut connects: Receiver<Server>,
    channel: String,
    shared: Arc<Shared>,
    closing: CancellationToken,
) {
    let work = async {
        loop {
            connected(&client, &mut connects).await;
            shared.set_subscribed(false);
            subscribe(&client, &channel, &shared).await;
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = work => {}
    }
}

/// Waits until there was a connect; several at once count as one.
async fn connected(client: &SubscriberClient, connects: &mut Receiver<Server>) {
    match connects.recv().await {
        Ok(_) | Err(RecvError::Lagged(_)) => {}
        Err(RecvError::Closed) => {
            *connects = client.reconnect_rx();
            sleep(RETRY_PAUSE).await;
        }
    }
    while connects.try_recv().is_ok() {}
}

/// Subscribes. It gives up only where the connection is gone: the next one starts over.
async fn subscribe(client: &SubscriberClient, channel: &str, shared: &Shared) {
    loop {
        if let Ok(Ok(())) = timeout(COMMAND_WAIT, client.subscribe(channel)).await {
            shared.set_subscribed(true);
            // Only now: whoever looks the truth up because of the gap misses nothing after it.
            shared.gap();
            tracing::info!(redis.channel = channel, "subscribed");
            return;
        }
        sleep(RETRY_PAUSE).await;
        if !client.is_connected() {
            return;
        }
    }
}
