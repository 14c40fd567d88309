//! Connections that read for one tenant at a time: the second wall, behind the conditions that
//! queries have anyway.
//!
//! They work under a role that may only read, and under row-level security that shows the rows of
//! the tenant named on the connection, or none. The name goes to the server in front of the query,
//! in the same packet, and only when it is another one than last time: it costs no round trip.

use std::sync::Arc;

use application::{BoxError, ports::Cursor};
use deadpool::{
    Status,
    managed::{self, Metrics, Object, RecycleResult},
};
use deadpool_postgres::{Client, ClientWrapper, Manager, Pool, Runtime};
use domain::TenantId;
use futures_util::future::join;
use tokio_postgres::{Error, Row, types::ToSql};

use crate::{
    pool::{
        CONNECT_TIMEOUT, Connector, PoolError, SERVICE_ROLE, SESSION, WAIT_TIMEOUT, connections_max, manager,
    },
    xid::place,
};

/// The role that queries run under: it reads, of one tenant at a time.
pub const READER_ROLE: &str = "enterprise_todo_reader";

const SET_TENANT: &str = "SELECT set_config('app.tenant', $1, false)";
/// Whoever reads it may take a while between two pages.
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL idle_in_transaction_session_timeout = '60s'";
/// Readers do not see checkpoints: it is asked in the same transaction under the services' role.
const CHECKPOINT: &str = "SELECT tx_id, position FROM projection_checkpoints WHERE name = $1 AND part = 0";

/// Connections for queries. There is no way to one without a tenant.
#[derive(Clone)]
pub struct TenantReaders {
    pool: managed::Pool<Readers>,
    rewrite: Option<Rewrite>,
}

/// Makes another statement of a statement.
type Rewrite = Arc<dyn Fn(&str) -> String + Send + Sync>;

impl TenantReaders {
    /// Readers that connect when they are first used. Whatever role the settings name, these work
    /// under their own.
    pub(crate) fn new(connector: &Connector) -> Result<Self, PoolError> {
        let start = format!("SET ROLE {READER_ROLE}; SET default_transaction_read_only = on; {SESSION}");
        let pool = managed::Pool::builder(Readers { connections: manager(connector), start })
            .max_size(connections_max())
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .build()?;
        Ok(Self { pool, rewrite: None })
    }

    /// How the connections are used.
    pub(crate) fn status(&self) -> Status {
        self.pool.status()
    }

    /// A connection on which nothing but this tenant's rows can be seen.
    pub(crate) async fn of(&self, tenant: TenantId) -> Result<TenantReader, BoxError> {
        let rewrite = self.rewrite.clone();
        let connection = self.pool.get().await.map_err(|error| PoolGone(error.to_string()))?;
        Ok(TenantReader { connection, tenant, rewrite })
    }

    /// A connection that goes on showing this tenant's rows as they are at this moment, and how far
    /// `model` has come at this moment.
    ///
    /// It leaves the pool for good: whoever drops it in the middle of anything ends its session, and
    /// with it its transaction.
    pub(crate) async fn snapshot(
        &self,
        tenant: TenantId,
        model: &str,
    ) -> Result<(TenantSnapshot, Cursor), BoxError> {
        let connection = self.pool.get().await.map_err(|error| PoolGone(error.to_string()))?;
        let Named { client, .. } = Object::take(connection);
        client.execute(SET_TENANT, &[&tenant.0.to_string()]).await?;
        client.batch_execute(&format!("{BEGIN_SNAPSHOT}; SET LOCAL ROLE {SERVICE_ROLE}")).await?;
        let row = client.query_opt(CHECKPOINT, &[&model]).await?;
        let position = row.map(|row| place(&row, 0)).transpose()?.flatten().unwrap_or_default();
        client.batch_execute(&format!("SET LOCAL ROLE {READER_ROLE}")).await?;
        Ok((TenantSnapshot { client, rewrite: self.rewrite.clone() }, position))
    }

    /// The same readers with every statement changed on its way: how tests take the first wall
    /// down to see the second.
    #[doc(hidden)]
    pub fn rewriting(self, rewrite: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self { rewrite: Some(Arc::new(rewrite)), ..self }
    }
}

/// A transaction that reads for one tenant, and sees nothing of what others commit meanwhile.
pub(crate) struct TenantSnapshot {
    client: ClientWrapper,
    rewrite: Option<Rewrite>,
}

impl TenantSnapshot {
    /// The rows that a statement finds in the tenant.
    pub(crate) async fn query(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let rewritten = self.rewrite.as_ref().map(|rewrite| rewrite(sql));
        let statement = self.client.prepare_cached(rewritten.as_deref().unwrap_or(sql)).await?;
        self.client.query(&statement, params).await
    }
}

/// There is no connection to be had.
#[derive(Debug, thiserror::Error)]
#[error("no connection to read from: {0}")]
struct PoolGone(String);

/// A connection that reads for one tenant.
pub(crate) struct TenantReader {
    connection: Object<Readers>,
    tenant: TenantId,
    rewrite: Option<Rewrite>,
}

impl TenantReader {
    /// The rows that a statement finds in the tenant.
    pub(crate) async fn query(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let rewritten = self.rewrite.as_ref().map(|rewrite| rewrite(sql));
        let named = &mut *self.connection;
        let statement = named.client.prepare_cached(rewritten.as_deref().unwrap_or(sql)).await?;
        if named.tenant == Some(self.tenant) {
            return named.client.query(&statement, params).await;
        }
        // Until the server has said yes, nobody knows which tenant it is.
        named.tenant = None;
        let set = named.client.prepare_cached(SET_TENANT).await?;
        let tenant = self.tenant.0.to_string();
        let setting: [&(dyn ToSql + Sync); 1] = [&tenant];
        let (set, rows) =
            join(named.client.execute(&set, &setting), named.client.query(&statement, params)).await;
        set?;
        named.tenant = Some(self.tenant);
        rows
    }

    /// The first of the rows that a statement finds in the tenant.
    pub(crate) async fn query_opt(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// The number that a statement counts in the tenant.
    pub(crate) async fn count(&mut self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<i64, BoxError> {
        let row = self.query_opt(sql, params).await?.ok_or("a count has one row")?;
        Ok(row.try_get(0)?)
    }
}

/// Connections on which rows of all tenants can be seen: for what serves many tenants at once by
/// its nature, live changes and the portal's lists of tenants, and names them itself.
#[derive(Clone)]
pub struct AcrossTenants(Pool);

impl AcrossTenants {
    /// From a pool of the services.
    pub fn new(pool: Pool) -> Self {
        Self(pool)
    }

    /// A connection. Every statement on it has to say whose rows it wants.
    pub(crate) async fn client(&self) -> Result<Client, BoxError> {
        Ok(self.0.get().await?)
    }
}

/// A connection and the tenant it is known to be set to.
struct Named {
    client: ClientWrapper,
    tenant: Option<TenantId>,
}

/// Makes and looks after them.
struct Readers {
    connections: Manager,
    start: String,
}

impl managed::Manager for Readers {
    type Type = Named;
    type Error = Error;

    async fn create(&self) -> Result<Named, Error> {
        let client = managed::Manager::create(&self.connections).await?;
        client.batch_execute(&self.start).await?;
        Ok(Named { client, tenant: None })
    }

    async fn recycle(&self, named: &mut Named, metrics: &Metrics) -> RecycleResult<Error> {
        managed::Manager::recycle(&self.connections, &mut named.client, metrics).await
    }

    fn detach(&self, named: &mut Named) {
        managed::Manager::detach(&self.connections, &mut named.client);
    }
}
