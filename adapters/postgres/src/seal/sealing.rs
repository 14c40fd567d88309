//! Makes a leaf of every event, in the one order of the log, whatever its type.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use application::{
    ports::Cursor,
    proofs::{Entry, Hash},
};
use async_trait::async_trait;
use deadpool_postgres::Transaction;
use tokio_postgres::{Error, binary_copy::BinaryCopyInWriter, types::Type};

use super::{store, tiles};
use crate::{
    consumers::{EVERYTHING, Effects, LOOKS_BACK, Projection, ProjectionError, Written, copy_or_insert},
    log::Recorded,
    xid::Xid,
};

/// See the module.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sealing;

impl Sealing {
    /// The name of its checkpoint.
    pub const NAME: &'static str = "audit_seal.v1";
}

/// The leaf of an event.
pub(super) fn leaf(event: &Recorded) -> Hash {
    Entry {
        position: event.cursor.position,
        recorded_at: event.recorded_at.timestamp_micros(),
        aggregate_type: &event.aggregate_type,
        stream: event.stream.as_str(),
        sequence: event.sequence,
        event_type: &event.event_type,
        event_version: &event.event_version,
        // What came from Postgres is its own text of `jsonb`, untouched.
        payload: event.payload.get(),
        metadata: event.metadata.get(),
    }
    .leaf()
}

#[async_trait]
impl Projection for Sealing {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn reads(&self) -> &'static [&'static str] {
        EVERYTHING
    }

    fn rests(&self) -> Duration {
        LOOKS_BACK
    }

    fn effects(&self) -> Effects {
        // A seal is shown to others: it is made once.
        Effects::Outside
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let leaves: Vec<(&Recorded, Hash)> = batch.iter().map(|event| (event, leaf(event))).collect();
        let size = size(tx).await?;
        let changed = Mutex::new(None);
        copy_or_insert(tx, copy(tx, size, &leaves), again(tx, size, &leaves, &changed)).await?;
        if let Some(at) = changed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let cause = "this position was sealed with another content".into();
            return Err(ProjectionError::Poison { at, cause });
        }
        complete_tiles(tx, size.unsigned_abs(), self::size(tx).await?.unsigned_abs()).await?;
        Ok(Written::default())
    }
}

async fn size(tx: &Transaction<'_>) -> Result<i64, Error> {
    let statement = tx.prepare_cached("SELECT COALESCE(max(leaf_index) + 1, 0) FROM audit_leaves").await?;
    tx.query_one(&statement, &[]).await?.try_get(0)
}

/// Stores what of a batch is not sealed yet, after a checkpoint was moved back by hand. What is
/// sealed stays as it is; an event that is another one by now is left in `changed`.
async fn again(
    tx: &Transaction<'_>,
    size: i64,
    leaves: &[(&Recorded, Hash)],
    changed: &Mutex<Option<Cursor>>,
) -> Result<(), Error> {
    let positions: Vec<i64> = leaves.iter().map(|(event, _)| event.cursor.position).collect();
    let sql = "SELECT position, hash FROM audit_leaves WHERE position = ANY($1)";
    let rows = tx.query(sql, &[&positions]).await?;
    let sealed: HashMap<i64, Hash> = rows.iter().map(|row| (row.get(0), store::hash(row.get(1)))).collect();
    let before = |event: &Recorded| sealed.get(&event.cursor.position);
    let other = leaves.iter().find(|(event, hash)| before(event).is_some_and(|before| before != hash));
    if let Some((event, _)) = other {
        *changed.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.cursor);
        return Ok(());
    }
    let new: Vec<_> = leaves.iter().filter(|(event, _)| before(event).is_none()).copied().collect();
    copy(tx, size, &new).await
}

async fn copy(tx: &Transaction<'_>, size: i64, leaves: &[(&Recorded, Hash)]) -> Result<(), Error> {
    const TYPES: [Type; 4] = [Type::INT8, Type::INT8, Type::XID8, Type::BYTEA];
    let sql = "COPY audit_leaves (leaf_index, position, tx_id, hash) FROM STDIN BINARY";
    let statement = tx.prepare_cached(sql).await?;
    let sink = tx.copy_in(&statement).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for (index, (event, hash)) in (size..).zip(leaves) {
        let (at, hash) = (event.cursor, hash.as_slice());
        writer.as_mut().write(&[&index, &at.position, &Xid(at.tx), &hash]).await?;
    }
    writer.finish().await.map(drop)
}

/// Stores the nodes over tiles that became complete, level by level.
async fn complete_tiles(tx: &Transaction<'_>, before: u64, after: u64) -> Result<(), Error> {
    let (mut level, mut before, mut after) = (0, before, after);
    while before / tiles::WIDTH < after / tiles::WIDTH {
        let (first, end) = (before / tiles::WIDTH, after / tiles::WIDTH);
        let below = store::stored(tx, level, first * tiles::WIDTH, (end - first) * tiles::WIDTH).await?;
        level += tiles::LEVELS;
        let width = usize::try_from(tiles::WIDTH).unwrap_or(usize::MAX);
        let nodes: Vec<Hash> = below.chunks_exact(width).map(tiles::root).collect();
        let (indexes, hashes): (Vec<i64>, Vec<&[u8]>) =
            (first.cast_signed()..).zip(nodes.iter().map(<[u8; 32]>::as_slice)).unzip();
        let sql = "INSERT INTO audit_nodes (level, node_index, hash) \
                   SELECT $1::smallint, n.* FROM unnest($2::bigint[], $3::bytea[]) AS n";
        let statement = tx.prepare_cached(sql).await?;
        let level_stored = i16::try_from(level).unwrap_or(i16::MAX);
        tx.execute(&statement, &[&level_stored, &indexes, &hashes]).await?;
        (before, after) = (first, end);
    }
    Ok(())
}
