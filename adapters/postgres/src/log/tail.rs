//! The tail: all events in the one order, never past a transaction that is still open.
//!
//! The cursor is the pair (transaction, position) below `pg_snapshot_xmin`: positions are taken
//! before the commit, so that reading by position alone skips what commits late.

use application::{
    BoxError,
    ports::{Cursor, LogError},
    trace::{self, Place},
};
use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use domain::{StreamId, Timestamp, upcast, upcasters};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio_postgres::{
    Client, Row,
    types::{Json, ToSql},
};

use super::append::classify;
use crate::{
    json::decode,
    xid::{Xid, place},
};

/// A stored event, as readers get it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its place.
    pub cursor: Cursor,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// `todo`, `tag`, …
    pub aggregate_type: String,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub sequence: i64,
    /// Its stored name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// The event.
    pub payload: Box<RawValue>,
    /// Who, from where, by which command.
    pub metadata: Box<RawValue>,
}

impl Recorded {
    /// The span that led to it, when its trace is recorded.
    pub fn place(&self) -> Option<Place> {
        trace::noted(&self.metadata)
    }

    /// The event in today's shape.
    pub fn event<E: DeserializeOwned>(&self, steps: &[Box<dyn EventUpcaster>]) -> Result<E, BoxError> {
        if !steps.iter().any(|step| step.can_upcast(&self.event_type, &self.event_version)) {
            return decode(&self.payload);
        }
        Ok(serde_json::from_value(upcast(steps, self.serialized()?).payload)?)
    }

    /// The event as cqrs-es knows it, without who and from where.
    pub(crate) fn serialized(&self) -> Result<SerializedEvent, BoxError> {
        Ok(SerializedEvent {
            aggregate_id: self.stream.as_str().to_owned(),
            sequence: usize::try_from(self.sequence)?,
            aggregate_type: self.aggregate_type.clone(),
            event_type: self.event_type.clone(),
            event_version: self.event_version.clone(),
            payload: decode(&self.payload)?,
            metadata: serde_json::Value::Null,
        })
    }
}

/// What one reading of the tail found.
#[derive(Debug)]
pub struct Batch {
    /// The events, in order.
    pub events: Vec<Recorded>,
    /// Everything up to here was looked at, whether it passed the filter or not.
    pub scanned: Cursor,
}

/// Reads events of some aggregate types.
pub struct Tail {
    types: Vec<&'static str>,
    behind: Option<&'static str>,
    /// How to bring old shapes to today's.
    pub steps: Vec<Box<dyn EventUpcaster>>,
}

/// What [`recorded`] reads.
pub(crate) const COLUMNS: &str = "tx_id, position, recorded_at, aggregate_type, aggregate_id, sequence, event_type, \
     event_version, payload, metadata";

/// Reads up to a bound. Nothing stands in it that a reader does without: consumers that follow the
/// log closely ask it all day, and what is not there need not be planned.
macro_rules! read {
    ($bound:literal, $filter:literal) => {
        concat!(
            "SELECT e.tx_id, e.position, e.recorded_at, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, \
             e.event_version, e.payload, e.metadata, bound.tx_id, bound.position FROM (",
            $bound,
            ") AS bound LEFT JOIN LATERAL (SELECT * FROM events WHERE (events.tx_id, events.position) > ($1, $2) \
             AND (events.tx_id, events.position) <= (bound.tx_id, bound.position)",
            $filter,
            " ORDER BY events.tx_id, events.position LIMIT $3) AS e ON true ORDER BY e.tx_id, e.position"
        )
    };
}

/// Of all types, up to the oldest open transaction.
const READ_ALL: &str =
    read!("SELECT pg_snapshot_xmin(pg_current_snapshot()) AS tx_id, 0::bigint AS position", "");
/// Of some types.
const READ: &str = read!(
    "SELECT pg_snapshot_xmin(pg_current_snapshot()) AS tx_id, 0::bigint AS position",
    " AND events.aggregate_type = ANY($4::text[])"
);
/// Up to the checkpoint of the consumer that is followed, which is always below the oldest open
/// transaction.
const READ_BEHIND: &str = read!(
    "SELECT COALESCE(c.tx_id, '0') AS tx_id, COALESCE(c.position, 0) AS position \
     FROM (VALUES (true)) AS one LEFT JOIN projection_checkpoints AS c ON c.name = $5 AND c.part = 0",
    " AND (cardinality($4::text[]) = 0 OR events.aggregate_type = ANY($4::text[]))"
);

impl Tail {
    /// The tail of these aggregate types; of all of them when none is named.
    pub fn of(types: &[&'static str]) -> Self {
        Self { types: types.to_vec(), behind: None, steps: upcasters() }
    }

    /// The same, never past the checkpoint of a consumer, when one is named.
    pub fn behind(self, consumer: Option<&'static str>) -> Self {
        Self { behind: consumer, ..self }
    }

    /// At most `limit` events after a place.
    pub async fn read(
        &self,
        client: &deadpool_postgres::Client,
        after: Cursor,
        limit: usize,
    ) -> Result<Batch, LogError> {
        let (tx, most) = (Xid(after.tx), i64::try_from(limit).unwrap_or(i64::MAX));
        let all: [&(dyn ToSql + Sync); 5] = [&tx, &after.position, &most, &self.types, &self.behind];
        let (sql, parameters) = match (self.behind, self.types.as_slice()) {
            (Some(_), _) => (READ_BEHIND, 5),
            (None, []) => (READ_ALL, 3),
            (None, _) => (READ, 4),
        };
        let statement = client.prepare_cached(sql).await.map_err(classify)?;
        let client: &Client = client;
        let rows = client.query(&statement, &all[..parameters]).await.map_err(classify)?;
        let Some(first) = rows.first() else { return Ok(Batch { events: Vec::new(), scanned: after }) };
        let bound = place(first, 10).map_err(classify)?.unwrap_or_default();
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            events.extend(recorded(row, 0)?);
        }
        let end = match self.behind {
            Some(_) => bound,
            // The oldest open transaction itself is not read.
            None => Cursor { tx: bound.tx.saturating_sub(1), position: i64::MAX },
        };
        let scanned = match events.last() {
            Some(last) if events.len() >= limit => last.cursor,
            Some(_) | None => end.max(after),
        };
        Ok(Batch { events, scanned })
    }
}

/// The event in [`COLUMNS`] from `at` on; none where they are NULL.
pub(crate) fn recorded(row: &Row, at: usize) -> Result<Option<Recorded>, LogError> {
    let Some(cursor) = place(row, at).map_err(classify)? else { return Ok(None) };
    let payload: Json<Box<RawValue>> = row.try_get(at + 8).map_err(classify)?;
    let metadata: Json<Box<RawValue>> = row.try_get(at + 9).map_err(classify)?;
    Ok(Some(Recorded {
        cursor,
        recorded_at: row.try_get(at + 2).map_err(classify)?,
        aggregate_type: row.try_get(at + 3).map_err(classify)?,
        stream: StreamId::stored(row.try_get(at + 4).map_err(classify)?),
        sequence: row.try_get(at + 5).map_err(classify)?,
        event_type: row.try_get(at + 6).map_err(classify)?,
        event_version: row.try_get(at + 7).map_err(classify)?,
        payload: payload.0,
        metadata: metadata.0,
    }))
}
