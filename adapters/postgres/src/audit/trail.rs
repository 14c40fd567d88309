//! Questions about the log.

use application::{
    BoxError, Edge, Page, Window,
    audit::{AuditEvent, AuditFilter, AuditLog, Located, StoredEvent},
    ports::Cursor,
};
use async_trait::async_trait;
use deadpool_postgres::Pool;
use domain::{StreamId, TenantId, Timestamp};
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    audit_list::tenant_of,
    places::{locate, parameters, place_at},
    search::{Search, Slice, event_at},
};
use crate::{
    json::decode,
    log::{self, Recorded},
};

/// Reads the log, never from a replica.
pub struct PgAuditLog {
    pool: Pool,
}

impl PgAuditLog {
    /// The log behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

const LAST_VERSION: &str =
    "SELECT COALESCE(max(sequence), 0) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2";
/// Within a stream, places rise with versions: an append has seen the one before it. So it is
/// halved, one event a step, instead of read. A version that is missing is passed over here, and
/// found when its events are read.
const VERSION_AT: &str = "WITH RECURSIVE half (low, high) AS (\
       SELECT 0::bigint, COALESCE(max(sequence), 0) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 \
       UNION ALL \
       SELECT CASE WHEN is_there THEN middle ELSE low END, CASE WHEN is_there THEN high ELSE middle - 1 END \
       FROM (SELECT low, high, (low + high + 1) / 2 AS middle, COALESCE((SELECT (e.tx_id, e.position) <= ($3::xid8, $4::bigint) \
           FROM events AS e WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.sequence = (low + high + 1) / 2), true) \
           AS is_there FROM half WHERE low < high) AS step) \
     SELECT low FROM half WHERE low = high";

#[async_trait]
impl AuditLog for PgAuditLog {
    async fn page(
        &self,
        filter: &AuditFilter,
        window: &Window<Cursor>,
    ) -> Result<Page<AuditEvent, Cursor>, BoxError> {
        let client = self.pool.get().await?;
        let Some(search) = Search::plan(&client, filter).await? else {
            return Ok(Page::from_read(Vec::new(), window));
        };
        let (from, forward) = match window {
            Window::First(_, after) => (*after, true),
            Window::Last(_, before) => (*before, false),
        };
        let limit = i64::try_from(window.size() + 1)?;
        let places = search.places(&Slice { from, forward, limit, sorted: true });
        let order = if forward { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT e.* FROM ({}) AS p {} ORDER BY p.tx_id {order}, p.position {order}",
            places.sql,
            event_at("p", log::COLUMNS)
        );
        let statement = client.prepare_cached(&sql).await?;
        let rows = client.query(&statement, &places.borrowed()).await?;
        let events = rows.iter().map(read).collect::<Result<Vec<_>, BoxError>>()?;
        let edges = events.into_iter().flatten().map(|event| Edge { key: event.cursor, node: event });
        Ok(Page::from_read(edges.collect(), window))
    }

    async fn count(&self, filter: &AuditFilter, most: i64) -> Result<i64, BoxError> {
        let client = self.pool.get().await?;
        let Some(search) = Search::plan(&client, filter).await? else { return Ok(0) };
        let places = search.places(&Slice { from: None, forward: true, limit: most, sorted: false });
        let sql = format!("SELECT count(*) FROM ({}) AS p", places.sql);
        let statement = client.prepare_cached(&sql).await?;
        Ok(client.query_one(&statement, &places.borrowed()).await?.try_get(0)?)
    }

    async fn stream(&self, kind: &str, id: Uuid) -> Result<Option<StreamId>, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT stream FROM audit_streams WHERE aggregate_id = $1 AND aggregate_type = $2 LIMIT 1";
        let statement = client.prepare_cached(sql).await?;
        let row = client.query_opt(&statement, &[&id, &kind]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.map(StreamId::stored))
    }

    async fn version(&self, kind: &str, stream: &StreamId, at: Option<Cursor>) -> Result<i64, BoxError> {
        let client = self.pool.get().await?;
        let row = if let Some(at) = at {
            let (tx, position) = parameters(at);
            let statement = client.prepare_cached(VERSION_AT).await?;
            client.query_one(&statement, &[&kind, &stream.as_str(), &tx, &position]).await?
        } else {
            let statement = client.prepare_cached(LAST_VERSION).await?;
            client.query_one(&statement, &[&kind, &stream.as_str()]).await?
        };
        Ok(row.try_get(0)?)
    }

    async fn events(
        &self,
        kind: &str,
        stream: &StreamId,
        after: i64,
        upto: i64,
    ) -> Result<Vec<StoredEvent>, BoxError> {
        let client = self.pool.get().await?;
        let sql = format!(
            "SELECT {} FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 \
             AND sequence > $3 AND sequence <= $4 ORDER BY sequence",
            log::COLUMNS
        );
        let statement = client.prepare_cached(&sql).await?;
        let rows = client.query(&statement, &[&kind, &stream.as_str(), &after, &upto]).await?;
        let events =
            rows.iter().map(|row| stored(log::recorded(row, 0)?)).collect::<Result<Vec<_>, BoxError>>()?;
        Ok(events.into_iter().flatten().collect())
    }

    async fn locate(&self, position: i64) -> Result<Located, BoxError> {
        let client = self.pool.get().await?;
        locate(&client, position).await
    }

    async fn place_at(&self, time: Timestamp) -> Result<Cursor, BoxError> {
        let client = self.pool.get().await?;
        place_at(&client, time).await
    }
}

fn stored(recorded: Option<Recorded>) -> Result<Option<StoredEvent>, BoxError> {
    let Some(recorded) = recorded else { return Ok(None) };
    let (cursor, recorded_at, event) = (recorded.cursor, recorded.recorded_at, recorded.serialized()?);
    Ok(Some(StoredEvent { cursor, recorded_at, event }))
}

fn read(row: &Row) -> Result<Option<AuditEvent>, BoxError> {
    log::recorded(row, 0)?.map(event).transpose()
}

/// An event as auditors read it.
pub(super) fn event(recorded: Recorded) -> Result<AuditEvent, BoxError> {
    let metadata: Value = decode(&recorded.metadata)?;
    if !metadata.is_object() {
        return Err("the metadata is no object".into());
    }
    let known = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let actor_id = known("actor_id");
    let subject = recorded.stream.own();
    Ok(AuditEvent {
        cursor: recorded.cursor,
        recorded_at: recorded.recorded_at,
        aggregate_id: subject.map_or_else(|| recorded.stream.to_string(), |id| id.to_string()),
        subject,
        version: recorded.sequence,
        tenant: tenant_of(&recorded).map(TenantId),
        actor_id: (!actor_id.is_empty()).then_some(actor_id),
        actor_kind: known("actor_kind"),
        platform: known("platform"),
        command: known("command"),
        correlation_id: known("correlation_id"),
        causation_id: known("causation_id"),
        payload: decode(&recorded.payload)?,
        event_type: recorded.event_type,
        aggregate_type: recorded.aggregate_type,
    })
}
