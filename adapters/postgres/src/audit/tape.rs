//! The log as replays read it: straight from the events, a bounded stretch at a time.
//!
//! A stretch is bounded by what is looked at, not by what passes: a filter that nothing passes
//! still comes back soon, and says how far it came.

use application::{
    BoxError,
    audit::{
        AuditEvent, AuditFilter,
        replay::{AuditTape, End, Frame, Mark, Played, StoredEvent, Stretch, View},
    },
    ports::Cursor,
};
use async_trait::async_trait;
use cqrs_es::persist::EventUpcaster;
use deadpool_postgres::{Client, Pool};
use domain::{Timestamp, upcasters};
use tokio_postgres::{Row, types::ToSql};

use super::{conditions::conditions, trail::event};
use crate::{
    keyset::Where,
    log::{Recorded, recorded, understood},
    xid::{Xid, place},
};

/// Behind every event that there can be.
const BEYOND: Cursor = Cursor { tx: u64::MAX, position: i64::MAX };
/// In a place, what a position behind all of its transaction is.
const ALL: i64 = i64::MAX;
/// What a row of a stretch tells of the whole stretch, in front of the event.
const HEAD_COLUMNS: usize = 6;

/// Reads the log for replays.
pub struct PgAuditTape {
    /// A pool of its own: replays take no connection from requests. On a replica, when there is one.
    pool: Pool,
    /// Where the log really ends.
    primary: Pool,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl PgAuditTape {
    /// The log behind `pool`, which ends where `primary` says.
    pub fn new(pool: Pool, primary: Pool) -> Self {
        Self { pool, primary, steps: upcasters() }
    }

    async fn mark(&self, sql: &str, at: Cursor) -> Result<Option<Mark>, BoxError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        let row = client.query_opt(&statement, &[&Xid(at.tx), &at.position]).await?;
        Ok(row.map(|row| mark(&row, 0)).transpose()?.flatten())
    }

    fn frame(&self, row: &Row, view: View) -> Result<Option<Frame>, BoxError> {
        let Some(Mark { cursor, recorded_at }) = mark(row, HEAD_COLUMNS)? else { return Ok(None) };
        let nth = u64::try_from(row.try_get::<_, i64>(HEAD_COLUMNS - 1)?)?;
        let played = self.played(row, view);
        Ok(Some(Frame { cursor, recorded_at, nth, played }))
    }

    /// One event that cannot be read is no reason not to read the others.
    fn played(&self, row: &Row, view: View) -> Result<Played, BoxError> {
        let event = recorded(row, HEAD_COLUMNS)?.ok_or("there is no event")?;
        Ok(match view {
            View::Stored => Played::Stored(Box::new(stored(event))),
            View::Shown => Played::Shown(Box::new(self.show(event)?)),
        })
    }

    fn show(&self, recorded: Recorded) -> Result<AuditEvent, BoxError> {
        understood(&recorded, &self.steps)?;
        event(recorded)
    }
}

/// What is looked at, and how far that came, in front of each event that passes; the conditions of
/// the filter and the order follow.
const STRETCH: &str = "WITH batch AS MATERIALIZED (\
       SELECT row_number() OVER (ORDER BY e.tx_id, e.position) AS nth, e.* FROM (\
         SELECT * FROM events WHERE (tx_id, position) > ($1, $2) AND (tx_id, position) <= ($3, $4) \
         AND tx_id < pg_snapshot_xmin(pg_current_snapshot()) \
         ORDER BY events.tx_id, events.position LIMIT $5) AS e) \
     SELECT pg_snapshot_xmin(pg_current_snapshot()), counted.looked_at, last.last_tx, last.last_position, \
       last.last_at, nth, tx_id, position, recorded_at, aggregate_type, aggregate_id, sequence, event_type, \
       event_version, payload, metadata \
     FROM (SELECT count(*) AS looked_at FROM batch) AS counted \
     LEFT JOIN LATERAL (SELECT tx_id AS last_tx, position AS last_position, recorded_at AS last_at \
       FROM batch ORDER BY nth DESC LIMIT 1) AS last ON true \
     LEFT JOIN batch ON true";
const FIRST: &str = "SELECT tx_id, position, recorded_at FROM events WHERE (tx_id, position) > ($1, $2) \
     AND tx_id < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY events.tx_id, events.position LIMIT 1";
const LAST: &str = "SELECT tx_id, position, recorded_at FROM events WHERE (tx_id, position) <= ($1, $2) \
     AND tx_id < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY events.tx_id DESC, events.position DESC LIMIT 1";
const COUNT: &str = "SELECT count(*) FROM (SELECT FROM events WHERE (tx_id, position) > ($1, $2) \
     AND (tx_id, position) <= ($3, $4) AND tx_id < pg_snapshot_xmin(pg_current_snapshot()) LIMIT $5) AS bounded";
const END: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot()), clock_timestamp()";

#[async_trait]
impl AuditTape for PgAuditTape {
    async fn read(
        &self,
        filter: &AuditFilter,
        view: View,
        after: Cursor,
        until: Option<Cursor>,
        limit: usize,
    ) -> Result<Stretch, BoxError> {
        let until = until.unwrap_or(BEYOND);
        let mut sql = Where::default();
        sql.push(STRETCH);
        for place in [after, until] {
            sql.bind(Xid(place.tx));
            sql.bind(place.position);
        }
        sql.bind(i64::try_from(limit)?);
        conditions(&mut sql, filter);
        sql.push(" ORDER BY batch.nth");
        let client = self.pool.get().await?;
        let rows = rows(&client, &sql.sql, &sql.borrowed()).await?;
        let first = rows.first().ok_or("the bound is always there")?;
        let (Xid(xmin), looked_at) = (first.try_get(0)?, first.try_get::<_, i64>(1)?);
        let last = mark(first, 2)?;
        let whole = usize::try_from(looked_at)? < limit;
        let bound = Cursor { tx: xmin.saturating_sub(1), position: ALL };
        let scanned = match last {
            Some(last) if !whole => last.cursor,
            Some(_) | None => bound.min(until).max(after),
        };
        let frames = rows.iter().filter_map(|row| self.frame(row, view).transpose());
        let frames = frames.collect::<Result<Vec<_>, BoxError>>()?;
        Ok(Stretch { frames, looked_at: u64::try_from(looked_at)?, last, scanned, whole })
    }

    async fn end(&self) -> Result<End, BoxError> {
        let client = self.primary.get().await?;
        let row = client.query_one(&client.prepare_cached(END).await?, &[]).await?;
        let Xid(next_tx) = row.try_get(0)?;
        Ok(End { next_tx, now: row.try_get(1)? })
    }

    async fn first(&self, after: Cursor) -> Result<Option<Mark>, BoxError> {
        self.mark(FIRST, after).await
    }

    async fn last(&self, until: Cursor) -> Result<Option<Mark>, BoxError> {
        self.mark(LAST, until).await
    }

    async fn place_of(&self, time: Timestamp) -> Result<Option<Cursor>, BoxError> {
        let Some(newest) = self.last(BEYOND).await?.filter(|newest| newest.recorded_at >= time) else {
            return Ok(None);
        };
        let oldest = self.first(Cursor::default()).await?;
        if oldest.is_none_or(|oldest| oldest.recorded_at >= time) {
            return Ok(Some(Cursor::default()));
        }
        // Behind `low` something earlier comes next, behind `high` nothing does.
        let (mut low, mut high) = (0, newest.cursor.tx);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            match self.first(Cursor { tx: middle, position: ALL }).await? {
                Some(next) if next.recorded_at < time => low = (next.cursor.tx - 1).max(middle),
                Some(_) | None => high = middle,
            }
        }
        Ok(Some(Cursor { tx: high, position: ALL }))
    }

    async fn count(&self, after: Cursor, until: Cursor, at_most: u64) -> Result<u64, BoxError> {
        let client = self.pool.get().await?;
        let params: [&(dyn ToSql + Sync); 5] =
            [&Xid(after.tx), &after.position, &Xid(until.tx), &until.position, &i64::try_from(at_most)?];
        let rows = rows(&client, COUNT, &params).await?;
        let counted: i64 = rows.first().ok_or("a count is one row")?.try_get(0)?;
        Ok(u64::try_from(counted)?)
    }
}

async fn rows(client: &Client, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, BoxError> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query(&statement, params).await?)
}

/// The place and time in three columns. A time that no calendar holds was not written by us: whoever
/// reads the event itself is told.
fn mark(row: &Row, at: usize) -> Result<Option<Mark>, tokio_postgres::Error> {
    let recorded_at = row.try_get(at + 2).unwrap_or_default();
    Ok(place(row, at)?.map(|cursor| Mark { cursor, recorded_at }))
}

fn stored(event: Recorded) -> StoredEvent {
    StoredEvent {
        cursor: event.cursor,
        recorded_at: event.recorded_at,
        aggregate_type: event.aggregate_type,
        stream: event.stream,
        sequence: event.sequence,
        event_type: event.event_type,
        event_version: event.event_version,
        payload: event.payload,
        metadata: event.metadata,
    }
}
