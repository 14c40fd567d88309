//! Asks each connection now and then whether it still leads to the primary.
//!
//! A subscribed connection sends nothing by itself, so without a question nobody would notice that
//! it is half open. And after a failover the old primary may live on as a replica: it would take
//! messages that nobody gets.

use std::time::Duration;

use fred::{
    interfaces::ClientLike,
    types::{ClusterHash, CustomCommand, Value},
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::settings::COMMAND_WAIT;

/// How often a connection is asked.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// Asks until it is told to stop. A connection that owes the answer is given up by the client.
pub(crate) async fn beat<C: ClientLike>(client: C, closing: CancellationToken) {
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            () = sleep(HEARTBEAT) => {}
        }
        if client.is_connected() && leads_to_replica(&client).await {
            tracing::warn!("Redis is no longer the primary here; connecting again");
            drop(timeout(COMMAND_WAIT, client.force_reconnection()).await);
        }
    }
}

/// Whether the server says that it is a replica. No answer, or a refusal to tell, is no.
async fn leads_to_replica<C: ClientLike>(client: &C) -> bool {
    let command = CustomCommand::new_static("ROLE", ClusterHash::FirstKey, false);
    let role = timeout(COMMAND_WAIT, client.custom::<Value, Value>(command, Vec::new())).await;
    let Ok(Ok(Value::Array(role))) = role else { return false };
    role.first().and_then(Value::as_str).is_some_and(|role| role != "master")
}
