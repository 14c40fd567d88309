//! The statement that finds a page of events: each filter walks an index that is in the order of
//! the log already, so that a page costs its rows and not its hits.

use application::{BoxError, audit::AuditFilter, ports::Cursor};
use deadpool_postgres::Client;
use domain::{StreamId, TenantId};
use uuid::Uuid;

use super::{
    audit_list::half,
    places::{Bounds, bounds, parameters},
};
use crate::keyset::Where;

/// Which events, at which side of a place, and how many.
pub(super) struct Search<'a> {
    filter: &'a AuditFilter,
    bounds: Bounds,
    source: Source,
}

/// Where the events that pass are found.
enum Source {
    /// In the log itself.
    Log,
    /// In these streams: type and name of each.
    Streams(Vec<String>, Vec<String>),
    /// In the rows; of these kinds only, where there are any.
    Rows(Vec<i64>),
}

/// Where a page begins, which way it goes, and how many rows it has.
pub(super) struct Slice {
    pub(super) from: Option<Cursor>,
    pub(super) forward: bool,
    pub(super) limit: i64,
    /// Whether the order matters: it does not to who counts.
    pub(super) sorted: bool,
}

impl<'a> Search<'a> {
    /// How to search; none where nothing can pass.
    pub(super) async fn plan(client: &Client, filter: &'a AuditFilter) -> Result<Option<Self>, BoxError> {
        let Some(bounds) = bounds(client, filter.from, filter.to).await? else { return Ok(None) };
        if let Some(id) = &filter.aggregate_id {
            let found = streams(client, id, filter).await?;
            return Ok(found.map(|(types, names)| Self {
                filter,
                bounds,
                source: Source::Streams(types, names),
            }));
        }
        if filter.aggregate_type.is_some() || filter.event_type.is_some() || filter.platform.is_some() {
            let kinds = kinds(client, filter).await?;
            let source = (!kinds.is_empty()).then_some(Source::Rows(kinds));
            return Ok(source.map(|source| Self { filter, bounds, source }));
        }
        let rows = filter.tenant.is_some() || filter.actor_id.is_some() || filter.correlation_id.is_some();
        Ok(Some(Self { filter, bounds, source: if rows { Source::Rows(Vec::new()) } else { Source::Log } }))
    }

    /// The places of a page, under the names `tx_id` and `position`.
    pub(super) fn places(&self, slice: &Slice) -> Where {
        let mut sql = Where::default();
        match &self.source {
            Source::Log => {
                sql.push("SELECT e.tx_id, e.position FROM events AS e WHERE e.tx_id < pg_snapshot_xmin(pg_current_snapshot())");
                self.times(&mut sql);
                self.slice(&mut sql, slice, "e");
            }
            Source::Streams(types, names) => {
                let (types, names) = (sql.bind(types.clone()), sql.bind(names.clone()));
                sql.push(&format!(
                    "SELECT f.tx_id, f.position FROM unnest({types}::text[], {names}::text[]) AS s (type, name) \
                     CROSS JOIN LATERAL (SELECT e.tx_id, e.position FROM events AS e \
                     WHERE e.aggregate_type = s.type AND e.aggregate_id = s.name"
                ));
                self.stored(&mut sql);
                self.times(&mut sql);
                self.beside(&mut sql, slice, "e");
                let (order, limit) = (direction(slice), sql.bind(slice.limit));
                sql.push(&format!(" ORDER BY e.sequence {order} LIMIT {limit}) AS f"));
                order_by(&mut sql, slice, "f");
            }
            Source::Rows(kinds) if kinds.len() > 1 && slice.sorted && !self.narrow() => {
                // Each kind has an order of its own; the first of each are sorted together.
                let kinds = sql.bind(kinds.clone());
                sql.push(&format!(
                    "SELECT f.tx_id, f.position FROM unnest({kinds}::bigint[]) AS k (kind) CROSS JOIN LATERAL ("
                ));
                self.rows(&mut sql);
                sql.push(" AND a.kind = k.kind");
                self.slice(&mut sql, slice, "a");
                sql.push(") AS f");
                order_by(&mut sql, slice, "f");
            }
            Source::Rows(kinds) => {
                self.rows(&mut sql);
                match kinds.as_slice() {
                    [] => {}
                    [kind] => {
                        let kind = sql.bind(*kind);
                        sql.push(&format!(" AND a.kind = {kind}"));
                    }
                    kinds => {
                        let kinds = sql.bind(kinds.to_vec());
                        sql.push(&format!(" AND a.kind = ANY({kinds}::bigint[])"));
                    }
                }
                self.slice(&mut sql, slice, "a");
            }
        }
        sql
    }

    /// Whether one thing narrows the rows down, in the order of the log.
    fn narrow(&self) -> bool {
        let filter = self.filter;
        filter.tenant.is_some() || filter.actor_id.is_some() || filter.correlation_id.is_some()
    }

    /// The rows; the events beside them only where something of them is looked at.
    fn rows(&self, sql: &mut Where) {
        let filter = self.filter;
        sql.push("SELECT a.tx_id, a.position FROM audit_list AS a");
        let looked_at = filter.correlation_id.is_some() || filter.from.is_some() || filter.to.is_some();
        if looked_at {
            sql.push(&format!(" {}", event_at("a", "recorded_at, metadata")));
        }
        sql.push(" WHERE true");
        if let Some(TenantId(tenant)) = filter.tenant {
            let tenant = sql.bind(tenant);
            sql.push(&format!(" AND a.of_tenant = {tenant}"));
        }
        if let Some(actor) = &filter.actor_id {
            // What is no id is nobody's.
            let actor = sql.bind(actor.parse::<Uuid>().ok());
            sql.push(&format!(" AND a.actor_id = {actor}::uuid"));
        }
        if let Some(correlation) = &filter.correlation_id {
            let (hashed, text) = (sql.bind(half(&[correlation])), sql.bind(correlation.clone()));
            sql.push(&format!(" AND a.correlation = {hashed} AND e.metadata->>'correlation_id' = {text}"));
        }
        self.times(sql);
    }

    /// What the rows know, asked of the events themselves.
    fn stored(&self, sql: &mut Where) {
        let filter = self.filter;
        let mut equal = |expression: &str, value: Option<String>| {
            if let Some(value) = value {
                let value = sql.bind(value);
                sql.push(&format!(" AND {expression} = {value}"));
            }
        };
        equal("e.event_type", filter.event_type.clone());
        equal("e.metadata->>'platform'", filter.platform.clone());
        equal("e.metadata->>'correlation_id'", filter.correlation_id.clone());
        // Ids are compared as ids: another spelling is the same one. What is no id is nobody's.
        if let Some(actor) = &filter.actor_id {
            let id = actor.parse::<Uuid>().ok().map(|id| id.to_string());
            let id = sql.bind(id);
            sql.push(&format!(" AND e.metadata->>'actor_id' = {id}::text"));
        }
    }

    fn times(&self, sql: &mut Where) {
        for (operator, time) in [(">=", self.filter.from), ("<=", self.filter.to)] {
            if let Some(time) = time {
                let time = sql.bind(time);
                sql.push(&format!(" AND e.recorded_at {operator} {time}"));
            }
        }
    }

    /// Beside the place the page begins at, and within the bounds of the times.
    fn beside(&self, sql: &mut Where, slice: &Slice, of: &str) {
        let operator = if slice.forward { ">" } else { "<" };
        let ends = [(operator, slice.from), (">=", self.bounds.from), ("<=", self.bounds.to)];
        for (operator, end) in ends {
            if let Some(end) = end {
                let (tx, position) = parameters(end);
                let (tx, position) = (sql.bind(tx), sql.bind(position));
                sql.push(&format!(" AND ({of}.tx_id, {of}.position) {operator} ({tx}, {position})"));
            }
        }
    }

    fn slice(&self, sql: &mut Where, slice: &Slice, of: &str) {
        self.beside(sql, slice, of);
        order_by(sql, slice, of);
    }
}

/// Joins the event at a place. That it is one is said in a way that leaves the planner no choice but
/// to look it up: it cannot know how few places there are, and might read the whole log instead.
pub(super) fn event_at(of: &str, columns: &str) -> String {
    format!(
        "CROSS JOIN LATERAL (SELECT {columns} FROM events AS at WHERE at.tx_id = {of}.tx_id \
         AND at.position = {of}.position LIMIT 1) AS e"
    )
}

const fn direction(slice: &Slice) -> &'static str {
    if slice.forward { "ASC" } else { "DESC" }
}

fn order_by(sql: &mut Where, slice: &Slice, of: &str) {
    let (order, limit) = (direction(slice), sql.bind(slice.limit));
    if slice.sorted {
        sql.push(&format!(" ORDER BY {of}.tx_id {order}, {of}.position {order}"));
    }
    sql.push(&format!(" LIMIT {limit}"));
}

/// The kinds of events that pass by what they are called and where they are from.
async fn kinds(client: &Client, filter: &AuditFilter) -> Result<Vec<i64>, BoxError> {
    let sql = "SELECT kind FROM audit_kinds WHERE ($1::text IS NULL OR aggregate_type = $1) \
               AND ($2::text IS NULL OR event_type = $2) AND ($3::text IS NULL OR platform = $3)";
    let statement = client.prepare_cached(sql).await?;
    let rows =
        client.query(&statement, &[&filter.aggregate_type, &filter.event_type, &filter.platform]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The streams of the thing that is asked for, in the tenant that is; none where there is none.
async fn streams(
    client: &Client,
    id: &str,
    filter: &AuditFilter,
) -> Result<Option<(Vec<String>, Vec<String>)>, BoxError> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    let sql = "SELECT aggregate_type, stream FROM audit_streams \
               WHERE aggregate_id = $1 AND ($2::text IS NULL OR aggregate_type = $2)";
    let statement = client.prepare_cached(sql).await?;
    let (mut types, mut names) = (Vec::new(), Vec::new());
    for row in client.query(&statement, &[&id, &filter.aggregate_type]).await? {
        let (of, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let stream = StreamId::stored(name);
        let own = (of == "tenant").then_some(TenantId(id));
        if filter.tenant.is_none_or(|tenant| stream.tenant().or(own) == Some(tenant)) {
            types.push(of);
            names.push(stream.as_str().to_owned());
        }
    }
    Ok((!types.is_empty()).then_some((types, names)))
}
