//! Sends what waits in the outbox, many messages in one round trip.

use std::{sync::Arc, time::Duration};

use fred::{
    clients::Client,
    interfaces::{ClientLike, PubsubInterface},
    types::config::Options,
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{outbox::Outbox, parcel::Parcel, settings::COMMAND_WAIT};

/// How many messages go in one round trip.
const BATCH_MESSAGES_MAX: usize = 256;
/// How often a message is tried on a connection that stands.
const SEND_ATTEMPTS_MAX: u32 = 5;
/// How long to wait before looking again whether the connection stands, or trying again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Sends until it is told to stop, and then once more what is left.
pub(crate) async fn publish(
    client: Client,
    channel: String,
    outbox: Arc<Outbox>,
    closing: CancellationToken,
) {
    let work = async {
        loop {
            let messages = outbox.next(BATCH_MESSAGES_MAX).await;
            deliver(&client, &channel, &outbox, messages).await;
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = work => {}
    }
    let rest = outbox.take(usize::MAX);
    if client.is_connected() && !rest.is_empty() {
        send(&client, &channel, rest).await;
    }
}

/// Sends messages in their order, over as many connections as it takes. A message may arrive
/// twice when a connection breaks at the wrong moment; hints bear that.
async fn deliver(client: &Client, channel: &str, outbox: &Outbox, mut messages: Vec<Parcel>) {
    let mut attempts = 0;
    while !messages.is_empty() {
        if !client.is_connected() {
            sleep(RETRY_PAUSE).await;
            continue;
        }
        messages = send(client, channel, messages).await;
        if messages.is_empty() {
            return;
        }
        attempts += 1;
        if attempts == SEND_ATTEMPTS_MAX {
            tracing::warn!(redis.messages = messages.len(), "gave up on messages that Redis does not take");
            outbox.lost(messages.len());
            messages.into_iter().for_each(Parcel::lost);
            return;
        }
        sleep(RETRY_PAUSE).await;
    }
}

/// One round trip; answers what was not sent.
async fn send(client: &Client, channel: &str, messages: Vec<Parcel>) -> Vec<Parcel> {
    // Without these, commands would pile up inside the client while Redis is away.
    let options = Options { fail_fast: true, timeout: Some(COMMAND_WAIT), ..Options::default() };
    let pipeline = client.pipeline().with_options(&options);
    for message in &messages {
        // In a pipeline this only queues.
        let queued: Result<(), _> = pipeline.publish(channel, message.text.as_str()).await;
        if queued.is_err() {
            return messages;
        }
    }
    let Ok(answers) = timeout(COMMAND_WAIT, pipeline.try_all::<i64>()).await else {
        return messages;
    };
    // An error for the pipeline as a whole is one answer for all: what has none was not sent.
    let sent: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    let unsent = |at: usize| !sent.get(at).copied().unwrap_or_default();
    messages.into_iter().enumerate().filter(|(at, _)| unsent(*at)).map(|(_, message)| message).collect()
}
