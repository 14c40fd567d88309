//! The database as `graphile_worker` sees it: our pool, with statements prepared once a connection,
//! and our bell in place of LISTEN, which would need one more connection in each process.

use std::{any::Any, collections::HashMap, fmt, sync::Arc};

use deadpool_postgres::{Client, Pool};
use futures_util::StreamExt;
use graphile_worker::{
    BoxFuture, Database, DatabaseDriver, DbCell, DbError, DbExecutor, DbParams, DbRow, DbTransaction,
    DbValue, Notification, NotificationStream, TransactionDriver,
};
use tokio_postgres::{
    Row,
    types::{Json, ToSql, Type},
};

use super::Bell;

/// See the module.
pub(super) struct QueueDatabase {
    pool: Pool,
    bell: Arc<Bell>,
}

/// The library's handle on this pool.
pub(super) fn database(pool: &Pool, bell: &Arc<Bell>) -> Database {
    Database::new(QueueDatabase { pool: pool.clone(), bell: Arc::clone(bell) })
}

impl fmt::Debug for QueueDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueDatabase")
    }
}

impl DbExecutor for QueueDatabase {
    fn execute<'a>(&'a self, sql: &'a str, params: DbParams) -> BoxFuture<'a, Result<u64, DbError>> {
        Box::pin(async move { execute(&self.client().await?, sql, params).await })
    }

    fn fetch_all<'a>(&'a self, sql: &'a str, params: DbParams) -> BoxFuture<'a, Result<Vec<DbRow>, DbError>> {
        Box::pin(async move { fetch_all(&self.client().await?, sql, params).await })
    }
}

async fn execute(client: &Client, sql: &str, params: DbParams) -> Result<u64, DbError> {
    let statement = client.prepare_cached(sql).await?;
    let params = bound(&params);
    Ok(client.execute(&statement, &refs(&params)).await?)
}

async fn fetch_all(client: &Client, sql: &str, params: DbParams) -> Result<Vec<DbRow>, DbError> {
    let statement = client.prepare_cached(sql).await?;
    let params = bound(&params);
    let rows = client.query(&statement, &refs(&params)).await?;
    rows.iter().map(cells).collect()
}

/// A transaction of the library: one connection until it ends.
struct QueueTransaction(Option<Client>);

impl QueueTransaction {
    fn client(&self) -> Result<&Client, DbError> {
        self.0.as_ref().ok_or_else(|| DbError::new("the transaction is over"))
    }
}

impl DbExecutor for QueueTransaction {
    fn execute<'a>(&'a self, sql: &'a str, params: DbParams) -> BoxFuture<'a, Result<u64, DbError>> {
        Box::pin(async move { execute(self.client()?, sql, params).await })
    }

    fn fetch_all<'a>(&'a self, sql: &'a str, params: DbParams) -> BoxFuture<'a, Result<Vec<DbRow>, DbError>> {
        Box::pin(async move { fetch_all(self.client()?, sql, params).await })
    }
}

impl TransactionDriver for QueueTransaction {
    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<(), DbError>> {
        Box::pin(async move {
            self.client()?.batch_execute("COMMIT").await?;
            self.0 = None;
            Ok(())
        })
    }
}

impl Drop for QueueTransaction {
    /// Without a commit the connection is closed, and the server rolls back: given back to the pool,
    /// its next user would find an open transaction.
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Client::take(client));
        }
    }
}

impl DatabaseDriver for QueueDatabase {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn begin(&self) -> BoxFuture<'_, Result<DbTransaction, DbError>> {
        Box::pin(async move {
            let client = self.client().await?;
            client.batch_execute("BEGIN").await?;
            Ok(DbTransaction::new(Box::new(QueueTransaction(Some(client)))))
        })
    }

    fn listen<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Option<NotificationStream>, DbError>> {
        let rings = self.bell.rings();
        Box::pin(async move {
            let channel = channel.to_owned();
            let rings =
                rings.map(move |()| Ok(Notification { channel: channel.clone(), payload: String::new() }));
            Ok(Some(Box::pin(rings) as NotificationStream))
        })
    }
}

impl QueueDatabase {
    async fn client(&self) -> Result<Client, DbError> {
        self.pool.get().await.map_err(DbError::from)
    }
}

type Param = Box<dyn ToSql + Sync + Send>;

fn bound(params: &DbParams) -> Vec<Param> {
    let one = |value: &DbValue| -> Param {
        match value.clone() {
            DbValue::Bool(value) => Box::new(value),
            DbValue::BoolOpt(value) => Box::new(value),
            DbValue::I16(value) => Box::new(value),
            DbValue::I16Opt(value) => Box::new(value),
            DbValue::I32(value) => Box::new(value),
            DbValue::I32Opt(value) => Box::new(value),
            DbValue::I64(value) => Box::new(value),
            DbValue::I64Opt(value) => Box::new(value),
            DbValue::Json(value) => Box::new(Json(value)),
            DbValue::JsonOpt(value) => Box::new(value.map(Json)),
            DbValue::Text(value) => Box::new(value),
            DbValue::TextOpt(value) => Box::new(value),
            DbValue::TextArray(value) => Box::new(value),
            DbValue::TextArrayOpt(value) => Box::new(value),
            DbValue::I32Array(value) => Box::new(value),
            DbValue::I64Array(value) => Box::new(value),
            DbValue::TimestampTz(value) => Box::new(value),
            DbValue::TimestampTzOpt(value) => Box::new(value),
        }
    };
    params.values().iter().map(one).collect()
}

fn refs(params: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect()
}

fn cells(row: &Row) -> Result<DbRow, DbError> {
    let mut cells = HashMap::with_capacity(row.len());
    for (at, column) in row.columns().iter().enumerate() {
        let cell = match *column.type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map(DbCell::Bool),
            Type::INT2 => row.try_get::<_, Option<i16>>(at)?.map(DbCell::I16),
            Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map(DbCell::I32),
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map(DbCell::I64),
            Type::JSON | Type::JSONB => {
                row.try_get::<_, Option<Json<_>>>(at)?.map(|json| DbCell::Json(json.0))
            }
            Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(at)?.map(DbCell::Text),
            Type::TIMESTAMPTZ => row.try_get::<_, Option<_>>(at)?.map(DbCell::TimestampTz),
            ref other => {
                let name = column.name();
                return Err(DbError::new(format!(
                    "column {name} is of a type the queue does not use: {other}"
                )));
            }
        };
        cells.insert(column.name().to_owned(), cell.unwrap_or(DbCell::Null));
    }
    Ok(DbRow::new(cells))
}
