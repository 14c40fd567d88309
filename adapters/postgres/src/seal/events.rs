//! Events as they are stored now, in the order of the log, to be compared with what was sealed.
//!
//! Postgres writes `jsonb` as text on one core while this side hashes on another: the order is cut
//! into stretches, and some are read at once. Where they are cut makes no difference to what is
//! read, so that what the seals say about places need not be true.

use std::{collections::VecDeque, ops::Range, pin::pin};

use application::{
    BoxError,
    ports::Cursor,
    proofs::{Entry, EventSource, Found, Hash},
};
use async_trait::async_trait;
use deadpool_postgres::Pool;
use domain::Timestamp;
use futures_util::TryStreamExt;
use tokio::task::JoinHandle;
use tokio_postgres::{
    Row,
    types::{FromSql, ToSql, Type, accepts},
};

use crate::{
    log::COLUMNS,
    xid::{Xid, place},
};

/// Leaves in a stretch.
const STRETCH: i64 = 25_000;
/// Stretches that are read at once.
const READERS: usize = 2;
/// Searching for a position reads the whole table: how long that may take on the command line.
const SEARCH_MAX: &str = "SET LOCAL statement_timeout = '1h'";
/// The index has the order: a plan that sorts is never quicker here.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";

/// See the module.
pub struct PgEvents {
    pool: Pool,
    /// Where the stretches end that nobody reads yet.
    ends: VecDeque<Cursor>,
    /// Everything up to here is read, or being read.
    at: Cursor,
    reading: VecDeque<JoinHandle<Result<Vec<Found>, BoxError>>>,
    patience: &'static str,
}

impl PgEvents {
    /// The events from the first of these leaves on. They go on behind the last one.
    pub async fn of(pool: &Pool, leaves: Range<u64>) -> Result<Self, BoxError> {
        let client = pool.get().await?;
        let (first, end) = (i64::try_from(leaves.start)?, i64::try_from(leaves.end)?);
        let sql = "SELECT l.tx_id, l.position FROM (SELECT generate_series($1::bigint - 1, $2::bigint - 1, $3::bigint) \
                   UNION SELECT $2 - 1) AS g (leaf) JOIN audit_leaves AS l ON l.leaf_index = g.leaf ORDER BY g.leaf";
        let rows = client.query(sql, &[&first, &end, &STRETCH]).await?;
        let mut ends = rows
            .iter()
            .map(|row| Ok(place(row, 0)?.unwrap_or_default()))
            .collect::<Result<VecDeque<_>, BoxError>>()?;
        let at = if first == 0 {
            Cursor::default()
        } else {
            ends.pop_front().ok_or("the seals are not complete")?
        };
        ends.make_contiguous().sort_unstable();
        Ok(Self { pool: pool.clone(), ends, at, reading: VecDeque::new(), patience: "" })
    }

    /// The same for somebody who can wait, as on the command line.
    pub fn patient(self) -> Self {
        Self { patience: SEARCH_MAX, ..self }
    }

    fn read_ahead(&mut self) {
        while self.reading.len() < READERS {
            let Some(end) = self.ends.pop_front() else { return };
            let (pool, from) = (self.pool.clone(), self.at);
            self.at = self.at.max(end);
            self.reading.push_back(tokio::spawn(async move { stretch(&pool, from, Some(end)).await }));
        }
    }
}

/// The events of a stretch; without an end, so many behind its start.
async fn stretch(pool: &Pool, from: Cursor, to: Option<Cursor>) -> Result<Vec<Found>, BoxError> {
    let mut client = pool.get().await?;
    let tx = client.transaction().await?;
    tx.batch_execute(BY_INDEX).await?;
    let mut found = Vec::new();
    let end = to.unwrap_or(Cursor { tx: u64::MAX, position: i64::MAX });
    let limit = if to.is_some() { i64::MAX } else { STRETCH };
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE (tx_id, position) > ($1, $2) AND (tx_id, position) <= ($3, $4) \
         ORDER BY events.tx_id, events.position LIMIT $5"
    );
    let statement = tx.prepare_cached(&sql).await?;
    let params: [&(dyn ToSql + Sync); 5] =
        [&Xid(from.tx), &from.position, &Xid(end.tx), &end.position, &limit];
    let mut rows = pin!(tx.query_raw(&statement, params).await?);
    while let Some(row) = rows.try_next().await? {
        let cursor = place(&row, 0)?.unwrap_or_default();
        found.push(Found { cursor, hash: entry(&row)?.leaf() });
    }
    Ok(found)
}

/// The event in [`COLUMNS`], as it is sealed.
pub(super) fn entry(row: &Row) -> Result<Entry<'_>, BoxError> {
    let recorded_at: Timestamp = row.try_get(2)?;
    let (JsonText(payload), JsonText(metadata)) = (row.try_get(8)?, row.try_get(9)?);
    Ok(Entry {
        position: row.try_get(1)?,
        recorded_at: recorded_at.timestamp_micros(),
        aggregate_type: row.try_get(3)?,
        stream: row.try_get(4)?,
        sequence: row.try_get(5)?,
        event_type: row.try_get(6)?,
        event_version: row.try_get(7)?,
        payload,
        metadata,
    })
}

/// The text of a `jsonb`, as Postgres writes it.
struct JsonText<'a>(&'a str);

impl<'a> FromSql<'a> for JsonText<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        // The binary form is a version and the text.
        match raw.split_first() {
            Some((1, text)) => Ok(Self(str::from_utf8(text)?)),
            _ => Err("this form of jsonb is not known".into()),
        }
    }

    accepts!(JSONB);
}

#[async_trait]
impl EventSource for PgEvents {
    async fn next(&mut self) -> Result<Vec<Found>, BoxError> {
        loop {
            self.read_ahead();
            let Some(first) = self.reading.pop_front() else { break };
            // The next one begins while this one is waited for.
            self.read_ahead();
            let found = first.await??;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let found = stretch(&self.pool, self.at, None).await?;
        self.at = found.last().map_or(self.at, |last| last.cursor);
        Ok(found)
    }

    async fn at(&self, position: i64) -> Result<Vec<Hash>, BoxError> {
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        tx.batch_execute(self.patience).await?;
        let sql = format!("SELECT {COLUMNS} FROM events WHERE position = $1");
        let rows = tx.query(&sql, &[&position]).await?;
        rows.iter().map(|row| Ok(entry(row)?.leaf())).collect()
    }

    async fn content(&self, of: &Found) -> Result<Vec<u8>, BoxError> {
        let client = self.pool.get().await?;
        let sql = format!("SELECT {COLUMNS} FROM events WHERE tx_id = $1 AND position = $2");
        let row = client.query_one(&sql, &[&Xid(of.cursor.tx), &of.cursor.position]).await?;
        Ok(entry(&row)?.content())
    }
}
