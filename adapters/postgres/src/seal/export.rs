//! The log as a sealed export: a line an event, with all that its leaf is made of.

use application::{
    BoxError,
    ports::Cursor,
    proofs::{Record, SealSource, SealedLine},
};
use deadpool_postgres::Pool;
use domain::Timestamp;
use serde_json::value::RawValue;
use tokio_postgres::{Row, types::Json};

use super::PgSeals;
use crate::{
    log::COLUMNS,
    xid::{Xid, place},
};

/// Events that are read at once.
const AT_ONCE: i64 = 10_000;

/// Reads a log to its end as it was when it was asked; each reading is a part of a file.
pub struct Export {
    pool: Pool,
    at: Cursor,
    size: u64,
}

/// A part of a file.
#[derive(Debug, Default)]
pub struct Part {
    /// Lines, each with its end.
    pub lines: Vec<u8>,
    /// How many events are in them.
    pub events: u64,
}

impl Export {
    /// Of the log behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool, at: Cursor::default(), size: 0 }
    }

    /// How many events there are to export, about.
    pub async fn total(&self) -> Result<u64, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT count(*) FROM events WHERE tx_id < pg_snapshot_xmin(pg_current_snapshot())";
        Ok(client.query_one(sql, &[]).await?.try_get::<_, i64>(0)?.unsigned_abs())
    }

    /// The next events; no lines at the end. Transactions that are still open have no place yet.
    pub async fn events(&mut self) -> Result<Part, BoxError> {
        let client = self.pool.get().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE (tx_id, position) > ($1, $2) \
             AND tx_id < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY events.tx_id, events.position LIMIT $3"
        );
        let statement = client.prepare_cached(&sql).await?;
        let rows = client.query(&statement, &[&Xid(self.at.tx), &self.at.position, &AT_ONCE]).await?;
        let mut part = Part { events: rows.len() as u64, ..Part::default() };
        for row in &rows {
            self.at = place(row, 0)?.unwrap_or_default();
            line(row, self.at, &mut part.lines)?;
        }
        Ok(part)
    }

    /// The next signed checkpoint with its leaves; nothing at the end.
    pub async fn checkpoint(&mut self) -> Result<Option<Record>, BoxError> {
        let seals = PgSeals::new(self.pool.clone());
        let Some(next) = seals.checkpoint_from(self.size + 1).await? else { return Ok(None) };
        let count = next.size - self.size;
        let leaves = seals.leaves(self.size, usize::try_from(count)?).await?;
        if leaves.len() as u64 != count {
            return Err(format!("leaf {} is missing", self.size + leaves.len() as u64).into());
        }
        self.size = next.size;
        Ok(Some(Record::of(next.size, next.note, &leaves)))
    }
}

fn line(row: &Row, at: Cursor, out: &mut Vec<u8>) -> Result<(), BoxError> {
    let text = |column| row.try_get::<_, &str>(column).map(Into::into);
    let (Json(payload), Json(metadata)): (Json<&RawValue>, Json<&RawValue>) =
        (row.try_get(8)?, row.try_get(9)?);
    let recorded_at: Timestamp = row.try_get(2)?;
    let line = SealedLine {
        position: at.position,
        tx_id: at.tx,
        recorded_at,
        aggregate_type: text(3)?,
        aggregate_id: text(4)?,
        sequence: row.try_get(5)?,
        event_type: text(6)?,
        event_version: text(7)?,
        payload,
        metadata,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}
