//! Keeps a client connected for as long as the process lives.

use std::time::Duration;

use fred::interfaces::ClientLike;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long to wait before a client that has given up is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(5);

/// Keeps a client connecting until `closed`. By itself it tries for ever; should it give up on an
/// error it holds for final, it is started again.
pub(crate) async fn stay_connected<C: ClientLike>(client: C, closed: CancellationToken) {
    loop {
        let mut connection = client.connect();
        tokio::select! {
            () = closed.cancelled() => {
                connection.abort();
                return;
            }
            ended = &mut connection => {
                if let Ok(Err(error)) = ended {
                    tracing::warn!(%error, "the connection to Redis ended");
                }
            }
        }
        tokio::select! {
            () = closed.cancelled() => return,
            () = sleep(RESTART_PAUSE) => {}
        }
    }
}
