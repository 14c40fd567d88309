//! Stretches of the log: times and positions rise with its order nearly, but not quite, so that
//! neither alone finds a place in it.

use application::ports::Cursor;
use deadpool_postgres::Transaction;
use domain::Timestamp;
use tokio_postgres::Error;

use crate::{
    log::Recorded,
    xid::{Xid, place},
};

/// A stretch with so many events is not made longer.
const SPAN_EVENTS: i32 = 500;

/// Events that follow each other.
pub(super) struct Span {
    from: Cursor,
    /// The place of its last event.
    pub(super) to: Cursor,
    low: i64,
    high: i64,
    /// The earliest time from its beginning on.
    earliest: Timestamp,
    /// The latest time up to its end.
    latest: Timestamp,
    events: i32,
}

impl Span {
    /// The last one.
    pub(super) async fn last(tx: &Transaction<'_>) -> Result<Option<Self>, Error> {
        let sql = "SELECT from_tx, from_position, to_tx, to_position, low_position, high_position, earliest, \
                   latest, events FROM audit_spans ORDER BY from_tx DESC, from_position DESC LIMIT 1";
        let statement = tx.prepare_cached(sql).await?;
        let Some(row) = tx.query_opt(&statement, &[]).await? else { return Ok(None) };
        Ok(Some(Self {
            from: place(&row, 0)?.unwrap_or_default(),
            to: place(&row, 2)?.unwrap_or_default(),
            low: row.try_get(4)?,
            high: row.try_get(5)?,
            earliest: row.try_get(6)?,
            latest: row.try_get(7)?,
            events: row.try_get(8)?,
        }))
    }

    /// The last one with these events behind it, or, where it is long enough, one of them alone;
    /// none without events.
    pub(super) fn extended(last: Option<Self>, events: &[&Recorded]) -> Option<Self> {
        let (first, end) = (events.first()?, events.last()?);
        let low = events.iter().map(|event| event.cursor.position).min()?;
        let high = events.iter().map(|event| event.cursor.position).max()?;
        let earliest = events.iter().map(|event| event.recorded_at).min()?;
        let latest = events.iter().map(|event| event.recorded_at).max()?;
        let count = i32::try_from(events.len()).unwrap_or(i32::MAX);
        let new = Self { from: first.cursor, to: end.cursor, low, high, earliest, latest, events: count };
        Some(match last {
            None => new,
            Some(last) if last.events >= SPAN_EVENTS => Self { latest: latest.max(last.latest), ..new },
            Some(last) => Self {
                from: last.from,
                low: low.min(last.low),
                high: high.max(last.high),
                earliest: earliest.min(last.earliest),
                latest: latest.max(last.latest),
                events: count.saturating_add(last.events),
                ..new
            },
        })
    }

    pub(super) async fn write(&self, tx: &Transaction<'_>) -> Result<(), Error> {
        let sql = "INSERT INTO audit_spans (from_tx, from_position, to_tx, to_position, low_position, \
                   high_position, earliest, latest, events) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                   ON CONFLICT (from_tx, from_position) DO UPDATE SET to_tx = excluded.to_tx, \
                   to_position = excluded.to_position, low_position = excluded.low_position, \
                   high_position = excluded.high_position, earliest = excluded.earliest, \
                   latest = excluded.latest, events = excluded.events";
        let insert = tx.prepare_cached(sql).await?;
        // An event that was recorded before the earliest of a stretch in front of it is rare: a clock
        // that was put back, or a transaction that took long.
        let sql = "UPDATE audit_spans SET earliest = $1 WHERE earliest > $1 AND (from_tx, from_position) < ($2, $3)";
        let lower = tx.prepare_cached(sql).await?;
        let (from, to) = (self.from, self.to);
        let (from_tx, to_tx) = (Xid(from.tx), Xid(to.tx));
        let written: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
            &from_tx,
            &from.position,
            &to_tx,
            &to.position,
            &self.low,
            &self.high,
            &self.earliest,
            &self.latest,
            &self.events,
        ];
        let lowered: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&self.earliest, &from_tx, &from.position];
        tokio::try_join!(tx.execute(&insert, &written), tx.execute(&lower, &lowered)).map(drop)
    }
}
