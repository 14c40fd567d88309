//! Leases: advisory locks on a session of their own. Whoever loses the session loses the leases.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_postgres::Client;

use super::seat::Seats;
use crate::pool::{Connector, PoolError};

/// Keeps our locks apart from those of others on the same server.
const LOCK_CLASS: i32 = 0x0e7d;

/// The leases of a process, all on one session. Consumers that share them may ride with each other.
pub struct Leases {
    connector: Connector,
    session: Mutex<Option<Arc<Client>>>,
    pub(super) seats: Seats,
}

/// A lease that is held while the session lives.
pub(super) struct Lease {
    session: Arc<Client>,
    name: String,
}

impl Leases {
    /// Leases over sessions that this connector opens.
    pub fn new(connector: Connector) -> Arc<Self> {
        Arc::new(Self { connector, session: Mutex::new(None), seats: Seats::default() })
    }

    /// The lease of that name, when nobody else holds it.
    pub(super) async fn acquire(&self, name: impl Into<String>) -> Result<Option<Lease>, PoolError> {
        let (session, name) = (self.session().await?, name.into());
        let sql = "SELECT pg_try_advisory_lock($1, hashtext($2))";
        let row = session.query_one(sql, &[&LOCK_CLASS, &name]).await.map_err(PoolError::Connect)?;
        Ok(row.get::<_, bool>(0).then_some(Lease { session, name }))
    }

    async fn session(&self) -> Result<Arc<Client>, PoolError> {
        let mut session = self.session.lock().await;
        if let Some(live) = session.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(live));
        }
        let opened = Arc::new(self.connector.connect().await?);
        *session = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

impl Lease {
    /// Whether the session, and with it the lease, still stands as far as this side can tell.
    pub(super) fn held(&self) -> bool {
        !self.session.is_closed()
    }

    /// Gives the lease back, so that another process need not wait for our end.
    pub(super) async fn release(self) {
        let sql = "SELECT pg_advisory_unlock($1, hashtext($2))";
        if let Err(error) = self.session.query_one(sql, &[&LOCK_CLASS, &self.name]).await {
            tracing::debug!(%error, consumer = self.name, "a lease ended with its session");
        }
    }
}
