//! The log as auditors read it: straight from the events, in their one order.

use application::{
    BoxError, Edge, Page, Window,
    audit::{AuditEvent, AuditFilter, AuditLog},
    ports::Cursor,
};
use async_trait::async_trait;
use deadpool_postgres::Pool;
use domain::{StreamId, TenantId};
use serde_json::Value;
use tokio_postgres::Row;

use crate::{
    keyset::Where,
    xid::{Xid, place},
};

/// The fields of events that hold personal data or secrets, sealed or hashed.
const PERSONAL: &[&str] = &[
    "fullname",
    "username",
    "email",
    "password",
    "verification_token",
    "reset_token",
    "invitation_token",
    "username_index",
    "email_index",
    "secret",
    "recovery",
    "challenge",
];
const HIDDEN: &str = "[personal]";

/// Reads the log.
pub struct PgAuditLog {
    pool: Pool,
}

impl PgAuditLog {
    /// The log behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

const SELECT: &str = "SELECT tx_id, position, recorded_at, event_type, aggregate_type, aggregate_id, sequence, \
     payload, metadata FROM events";
/// Auditors too see nothing of transactions that are still open: the order would change under them.
const CLOSED: &str = " WHERE tx_id < pg_snapshot_xmin(pg_current_snapshot())";

#[async_trait]
impl AuditLog for PgAuditLog {
    async fn page(
        &self,
        filter: &AuditFilter,
        window: &Window<Cursor>,
    ) -> Result<Page<AuditEvent, Cursor>, BoxError> {
        let client = self.pool.get().await?;
        let mut sql = start(SELECT, filter);
        let (from, forward) = match window {
            Window::First(_, after) => (after, true),
            Window::Last(_, before) => (before, false),
        };
        let (operator, order) = if forward { (">", "ASC") } else { ("<", "DESC") };
        if let Some(cursor) = from {
            let (tx, position) = (sql.bind(Xid(cursor.tx)), sql.bind(cursor.position));
            sql.push(&format!(" AND (tx_id, position) {operator} ({tx}, {position})"));
        }
        let limit = sql.bind(i64::try_from(window.size() + 1)?);
        sql.push(&format!(" ORDER BY events.tx_id {order}, events.position {order} LIMIT {limit}"));
        let statement = client.prepare_cached(&sql.sql).await?;
        let rows = client.query(&statement, &sql.borrowed()).await?;
        let edges = rows.iter().map(read).collect::<Result<Vec<_>, BoxError>>()?;
        Ok(Page::from_read(edges, window))
    }

    async fn count(&self, filter: &AuditFilter) -> Result<i64, BoxError> {
        let client = self.pool.get().await?;
        let sql = start("SELECT count(*) FROM events", filter);
        let statement = client.prepare_cached(&sql.sql).await?;
        Ok(client.query_one(&statement, &sql.borrowed()).await?.try_get(0)?)
    }
}

fn start(select: &str, filter: &AuditFilter) -> Where {
    let mut sql = Where::default();
    sql.push(select);
    sql.push(CLOSED);
    let text = |sql: &mut Where, expression: &str, value: &Option<String>| {
        if let Some(value) = value {
            let place = sql.bind(value.clone());
            sql.push(&format!(" AND {expression} = {place}"));
        }
    };
    if let Some(tenant) = filter.tenant {
        // A tenant's streams begin with its id; a tenant's own stream is its id.
        let place = sql.bind(tenant.to_string());
        sql.push(&format!(" AND split_part(aggregate_id, '/', 1) = {place}"));
    }
    text(&mut sql, "aggregate_type", &filter.aggregate_type);
    text(&mut sql, "reverse(split_part(reverse(aggregate_id), '/', 1))", &filter.aggregate_id);
    text(&mut sql, "event_type", &filter.event_type);
    text(&mut sql, "metadata->>'actor_id'", &filter.actor_id);
    text(&mut sql, "metadata->>'platform'", &filter.platform);
    text(&mut sql, "metadata->>'correlation_id'", &filter.correlation_id);
    if let Some(from) = filter.from {
        let place = sql.bind(from);
        sql.push(&format!(" AND recorded_at >= {place}"));
    }
    if let Some(to) = filter.to {
        let place = sql.bind(to);
        sql.push(&format!(" AND recorded_at <= {place}"));
    }
    sql
}

fn read(row: &Row) -> Result<Edge<AuditEvent, Cursor>, BoxError> {
    let cursor = place(row, 0)?.unwrap_or_default();
    let stream = StreamId::stored(row.try_get(5)?);
    let aggregate_type: String = row.try_get(4)?;
    let metadata: Value = row.try_get(8)?;
    let known = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let own_tenant = || (aggregate_type == "tenant").then(|| stream.own().map(TenantId)).flatten();
    let actor_id = known("actor_id");
    let node = AuditEvent {
        cursor,
        recorded_at: row.try_get(2)?,
        event_type: row.try_get(3)?,
        aggregate_id: stream.own().map_or_else(|| stream.to_string(), |id| id.to_string()),
        version: row.try_get(6)?,
        tenant: stream.tenant().or_else(own_tenant),
        actor_id: (!actor_id.is_empty()).then_some(actor_id),
        actor_kind: known("actor_kind"),
        platform: known("platform"),
        command: known("command"),
        correlation_id: known("correlation_id"),
        causation_id: known("causation_id"),
        payload: without_personal(row.try_get(7)?),
        aggregate_type,
    };
    Ok(Edge { key: cursor, node })
}

fn without_personal(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut() {
        for name in PERSONAL {
            if let Some(value) = fields.get_mut(*name) {
                *value = HIDDEN.into();
            }
        }
    }
    payload
}
