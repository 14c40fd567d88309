//! The log port on Postgres.

use std::sync::Arc;

use application::{
    ports::{
        Append, AppendError, Appended, Cursor, EventLog, IdempotencyKey, LogError, Receipt, Snapshot, Unit,
    },
    trace::{Kind, Span},
};
use async_trait::async_trait;
use cqrs_es::persist::SerializedEvent;
use deadpool_postgres::{Client, Pool};
use domain::{Claim, StreamId};
use postgres_es::PostgresEventRepository;
use tokio_postgres::Row;

use super::{
    Wake,
    append::{self, classify},
    columns::claim_hash,
    group::Group,
    streams,
};
use crate::{PgPools, xid::place};

/// The one log, in Postgres.
pub struct PgEventLog {
    pool: Pool,
    streams: PostgresEventRepository,
    group: Group,
    wake: Arc<Wake>,
}

impl PgEventLog {
    /// The log behind these pools. `wake` is told of every commit.
    pub fn new(pools: &PgPools, wake: Arc<Wake>) -> Self {
        let streams = PostgresEventRepository::new(pools.loads.clone());
        Self { pool: pools.pool.clone(), streams, group: Group::new(&pools.pool), wake }
    }

    async fn client(&self) -> Result<Client, LogError> {
        self.pool.get().await.map_err(|error| LogError::Unavailable(error.into()))
    }
}

#[async_trait]
impl EventLog for PgEventLog {
    async fn append(&self, unit: Unit) -> Result<Appended, AppendError> {
        let mut span = Span::child(Kind::Client, format_args!("INSERT events"));
        span.word("db.system.name", "postgresql");
        span.word("db.operation.name", "INSERT");
        span.word("db.collection.name", "events");
        let events = unit.appends.iter().map(|append| append.events.len()).sum::<usize>();
        span.whole("enterprise_todo.events", i64::try_from(events).unwrap_or(i64::MAX));
        let appended = self.store(unit).await;
        match &appended {
            Ok(_) => {}
            Err(AppendError::Log(_)) => span.fail("log"),
            // That somebody else was quicker is no error of ours.
            Err(_) => span.word("enterprise_todo.outcome", "refused"),
        }
        appended
    }

    async fn receipt(&self, key: &IdempotencyKey) -> Result<Option<Receipt>, LogError> {
        let client = self.client().await?;
        let sql = "SELECT l.request_hash, l.aggregate_id, l.last_sequence, e.tx_id, e.position \
                   FROM command_log l LEFT JOIN events e ON e.aggregate_type = l.aggregate_type \
                   AND e.aggregate_id = l.aggregate_id AND e.sequence = l.last_sequence WHERE l.key = $1";
        let statement = client.prepare_cached(sql).await.map_err(classify)?;
        let Some(row) = client.query_opt(&statement, &[&key.key]).await.map_err(classify)? else {
            return Ok(None);
        };
        if row.try_get::<_, &[u8]>(0).map_err(classify)? != key.request_hash {
            return Err(LogError::KeyReused);
        }
        let stream = StreamId::stored(row.try_get(1).map_err(classify)?);
        let version = row.try_get(2).map_err(classify)?;
        Ok(Some(Receipt { stream, version, cursor: cursor(&row, 3)? }))
    }

    async fn snapshot(&self, aggregate_type: &str, stream: &StreamId) -> Result<Option<Snapshot>, LogError> {
        let client = self.client().await?;
        let sql = "SELECT last_sequence, schema_version, payload FROM snapshots \
                   WHERE aggregate_type = $1 AND aggregate_id = $2";
        let statement = client.prepare_cached(sql).await.map_err(classify)?;
        let row =
            client.query_opt(&statement, &[&aggregate_type, &stream.as_str()]).await.map_err(classify)?;
        row.map(|row| {
            Ok(Snapshot {
                sequence: row.try_get(0).map_err(classify)?,
                schema: row.try_get(1).map_err(classify)?,
                payload: row.try_get(2).map_err(classify)?,
            })
        })
        .transpose()
    }

    async fn events(
        &self,
        aggregate_type: &'static str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Vec<SerializedEvent>, LogError> {
        streams::read(&self.streams, aggregate_type, stream.as_str(), sequence).await
    }

    async fn cursor(
        &self,
        aggregate_type: &str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Cursor, LogError> {
        let client = self.client().await?;
        let sql = "SELECT tx_id, position FROM events \
                   WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence = $3";
        let statement = client.prepare_cached(sql).await.map_err(classify)?;
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&aggregate_type, &stream.as_str(), &sequence];
        match client.query_opt(&statement, &params).await.map_err(classify)? {
            Some(row) => cursor(&row, 0),
            None => Ok(Cursor::default()),
        }
    }

    async fn holder(&self, claim: &Claim) -> Result<Option<StreamId>, LogError> {
        let client = self.client().await?;
        let sql = "SELECT aggregate_id FROM unique_claims WHERE scope = $1 AND value = $2";
        let statement = client.prepare_cached(sql).await.map_err(classify)?;
        let row =
            client.query_opt(&statement, &[&claim.scope, &claim_hash(claim)]).await.map_err(classify)?;
        row.map(|row| row.try_get(0).map(StreamId::stored).map_err(classify)).transpose()
    }
}

impl PgEventLog {
    /// Stores a unit, alone or with others.
    async fn store(&self, unit: Unit) -> Result<Appended, AppendError> {
        append::bounded(&unit)?;
        let types: Vec<&'static str> = unit.appends.iter().map(|append| append.aggregate_type).collect();
        let appended = if unit.key.is_some() {
            let client = self.client().await?;
            let stored =
                append::run(&client, &[&unit]).await.map_err(|error| append::refusal(error, &unit))?;
            drop(client);
            match stored.and_then(|mut all| all.pop()) {
                Some(appended) => appended,
                None => return self.without_events(unit).await,
            }
        } else {
            self.group.append(unit).await?
        };
        self.wake.appended(types.into_iter(), appended.cursor.tx).await;
        Ok(appended)
    }

    /// A unit that wrote no event: its key was used already, or it has a key and nothing else.
    async fn without_events(&self, unit: Unit) -> Result<Appended, AppendError> {
        let (Some(key), Some(first)) = (&unit.key, unit.appends.first()) else {
            return Err(LogError::Broken("an append without events and without a key".into()).into());
        };
        let receipt = self.receipt(key).await?;
        match receipt {
            Some(receipt) if unit.appends.iter().all(nothing_new) => {
                Ok(Appended { cursor: receipt.cursor, numbers: vec![None; unit.appends.len()] })
            }
            Some(receipt) => Err(AppendError::Duplicate(receipt)),
            None => Err(LogError::Broken(format!("no receipt for a key of {}", first.stream).into()).into()),
        }
    }
}

fn nothing_new(append: &Append) -> bool {
    append.events.is_empty()
}

/// A place from `tx_id, position`; the beginning where there is no such event.
fn cursor(row: &Row, at: usize) -> Result<Cursor, LogError> {
    place(row, at).map(Option::unwrap_or_default).map_err(classify)
}
