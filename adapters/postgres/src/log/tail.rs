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
use tokio_postgres::{Client, Row, types::Json};

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
    /// The oldest transaction that is still open.
    pub open: u64,
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

/// The bound is the oldest open transaction, or the checkpoint of the consumer that is followed,
/// which is always below it.
const READ: &str = "SELECT bound.xmin, e.tx_id, e.position, e.recorded_at, e.aggregate_type, \
     e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload, e.metadata, bound.tx_id, bound.position \
     FROM (SELECT x.xmin, CASE WHEN $5::text IS NULL THEN x.xmin ELSE COALESCE(c.tx_id, '0') END AS tx_id, \
         COALESCE(c.position, 0) AS position \
       FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) AS x \
       LEFT JOIN projection_checkpoints AS c ON c.name = $5 AND c.part = 0) AS bound \
     LEFT JOIN LATERAL (SELECT * FROM events \
       WHERE (events.tx_id, events.position) > ($1, $2) \
       AND (events.tx_id, events.position) <= (bound.tx_id, bound.position) \
       AND (cardinality($3::text[]) = 0 OR events.aggregate_type = ANY($3::text[])) \
       ORDER BY events.tx_id, events.position LIMIT $4) AS e ON true \
     ORDER BY e.tx_id, e.position";

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
        let statement = client.prepare_cached(READ).await.map_err(classify)?;
        let client: &Client = client;
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = client
            .query(&statement, &[&Xid(after.tx), &after.position, &self.types, &most, &self.behind])
            .await
            .map_err(classify)?;
        let Some(first) = rows.first() else {
            return Ok(Batch { events: Vec::new(), scanned: after, open: 0 });
        };
        let Xid(open) = first.try_get(0).map_err(classify)?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(event) = recorded(row, 1)? {
                events.push(event);
            }
        }
        let end = match self.behind {
            Some(_) => place(first, 11).map_err(classify)?.unwrap_or_default(),
            None => Cursor { tx: open.saturating_sub(1), position: i64::MAX },
        };
        let scanned = match events.last() {
            Some(last) if events.len() >= limit => last.cursor,
            Some(_) | None => end.max(after),
        };
        Ok(Batch { events, scanned, open })
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
