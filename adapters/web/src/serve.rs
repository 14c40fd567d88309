//! The accept loop. poem's own sets no time limit for request heads, no bound on connections, and
//! gives HTTP/2 more room than an API needs.

mod connection;
mod guard;

use std::{io, sync::Arc, time::Duration};

use poem::Endpoint;
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

pub use self::guard::Reading;

/// The most connections at once; more are closed at once.
pub const CONNECTIONS_MAX: usize = 10_000;
/// The longest a shutdown waits for requests and sockets.
pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(20);
/// The longest a request head takes to arrive, and a new connection to send its first one.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// The longest a connection is kept without a request. Longer than a load balancer keeps it (60 s),
/// so that it is never us who close while a request is on its way.
const IDLE_MAX: Duration = Duration::from_secs(75);
/// The pause after an accept that failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// The most connections at once.
    pub connections: usize,
    /// The longest a request head takes to arrive, and a new connection to send its first one.
    pub head_wait: Duration,
    /// The longest a connection is kept without a request.
    pub idle: Duration,
    /// The longest a shutdown waits for requests and sockets.
    pub shutdown_wait: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            head_wait: HEAD_WAIT,
            idle: IDLE_MAX,
            shutdown_wait: SHUTDOWN_WAIT,
        }
    }
}

/// What a connection that outlives its request holds: it counts as a connection, a shutdown waits
/// for it, and it hears of the shutdown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Going {
    shutdown: CancellationToken,
    _held: Option<Arc<Held>>,
}

#[derive(Debug)]
struct Held {
    _permit: OwnedSemaphorePermit,
    _tracked: TaskTrackerToken,
}

impl Going {
    /// Waits until the server goes away.
    pub(crate) async fn away(&self) {
        self.shutdown.cancelled().await;
    }
}

/// Serves `endpoint` until `shutdown`: then nothing new is accepted, requests are finished, sockets
/// closed with 1001, and after [`ServeLimits::shutdown_wait`] whatever is left is dropped.
pub async fn serve<E: Endpoint + 'static>(
    listener: TcpListener,
    endpoint: E,
    limits: ServeLimits,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let endpoint = Arc::new(endpoint);
    let places = Arc::new(Semaphore::new(limits.connections));
    let tracker = TaskTracker::new();
    let dropped = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(connections = limits.connections, "too many connections");
            continue;
        };
        // Answers are small and whole: there is nothing to wait for.
        let _ = socket.set_nodelay(true);
        let held = Arc::new(Held { _permit: permit, _tracked: tracker.token() });
        let going = Going { shutdown: shutdown.clone(), _held: Some(held) };
        let connection = connection::run(socket, peer, Arc::clone(&endpoint), limits, going);
        let dropped = dropped.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = connection => {}
                () = dropped.cancelled() => {}
            }
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(limits.shutdown_wait, tracker.wait()).await.is_err() {
        tracing::warn!(connections = tracker.len(), "connections were dropped at shutdown");
        dropped.cancel();
    }
    Ok(())
}
