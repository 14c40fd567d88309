//! Leaves, nodes and checkpoints as they are stored.

use std::ops::Range;

use application::{
    BoxError, Edge, Page, Window,
    proofs::{
        EventSource, Hash, LAG_EVENTS_MAX, Leaf, Node, Place, SealSource, SealingLag, Seals, StoredCheckpoint,
    },
};
use async_trait::async_trait;
use deadpool_postgres::{Client, GenericClient, Pool};
use futures_util::future::try_join_all;
use tokio_postgres::{Error, Row, error::SqlState};

use super::{PgEvents, tiles};

/// What the names of all our logs begin with.
const ORIGIN: &str = "enterprise-todo/";
/// Transactions that may have committed later than one with a higher position.
const NEWEST_EVENTS: i64 = 1_000;

/// Reads seals, and stores checkpoints.
#[derive(Clone)]
pub struct PgSeals {
    pool: Pool,
}

impl PgSeals {
    /// The seals behind `pool`: always the primary's.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

/// 32 bytes of a column.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    bytes.try_into().expect("the table holds hashes of 32 bytes only")
}

/// `count` stored nodes of a level from number `first` on; those of level 0 are leaves.
pub(super) async fn stored(
    client: &impl GenericClient,
    level: u32,
    first: u64,
    count: u64,
) -> Result<Vec<Hash>, Error> {
    let (first, end) = (first.cast_signed(), (first + count).cast_signed());
    let rows = if level == 0 {
        let sql =
            "SELECT hash FROM audit_leaves WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index";
        let statement = client.prepare_cached(sql).await?;
        client.query(&statement, &[&first, &end]).await?
    } else {
        let sql = "SELECT hash FROM audit_nodes WHERE level = $3 AND node_index >= $1 AND node_index < $2 \
                   ORDER BY node_index";
        let statement = client.prepare_cached(sql).await?;
        client.query(&statement, &[&first, &end, &i16::try_from(level).unwrap_or(i16::MAX)]).await?
    };
    Ok(rows.iter().map(|row| hash(row.get(0))).collect())
}

/// The hash of any complete subtree.
async fn node(client: &Client, node: &Node) -> Result<Hash, BoxError> {
    let (level, first, count) = tiles::stored(*node);
    let below = stored(client, level, first, count).await?;
    if below.len() as u64 == count {
        return Ok(tiles::root(&below));
    }
    Err(format!("the seals below node {} of level {} are not complete", node.index, node.level).into())
}

const CHECKPOINT: &str = "SELECT tree_size, made_at, note FROM audit_checkpoints";

fn checkpoint(row: &Row) -> StoredCheckpoint {
    StoredCheckpoint { size: row.get::<_, i64>(0).unsigned_abs(), at: row.get(1), note: row.get(2) }
}

#[async_trait]
impl SealSource for PgSeals {
    async fn size(&self) -> Result<u64, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT COALESCE(max(leaf_index) + 1, 0) FROM audit_leaves";
        Ok(client.query_one(sql, &[]).await?.try_get::<_, i64>(0)?.unsigned_abs())
    }

    async fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT leaf_index, position, hash FROM audit_leaves WHERE leaf_index >= $1 \
                   ORDER BY leaf_index LIMIT $2";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&i64::try_from(from)?, &i64::try_from(limit)?]).await?;
        let without_gap =
            (from.cast_signed()..).zip(&rows).take_while(|(index, row)| row.get::<_, i64>(0) == *index);
        Ok(without_gap.map(|(_, row)| Leaf { position: row.get(1), hash: hash(row.get(2)) }).collect())
    }

    async fn index_of(&self, position: i64) -> Result<Option<u64>, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT leaf_index FROM audit_leaves WHERE position = $1";
        let row = client.query_opt(sql, &[&position]).await?;
        Ok(row.map(|row| row.get::<_, i64>(0).unsigned_abs()))
    }

    async fn nodes(&self, wanted: &[Node]) -> Result<Vec<Hash>, BoxError> {
        let client = self.pool.get().await?;
        // All questions go out at once.
        try_join_all(wanted.iter().map(|wanted| node(&client, wanted))).await
    }

    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, BoxError> {
        let client = self.pool.get().await?;
        let sql = format!("{CHECKPOINT} WHERE tree_size >= $1 ORDER BY tree_size LIMIT 1");
        let statement = client.prepare_cached(&sql).await?;
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let row = client.query_opt(&statement, &[&size]).await?;
        Ok(row.as_ref().map(checkpoint))
    }
}

/// Whether an event waits to be sealed under a position, and how far the log reaches.
const WAITING: &str = "SELECT EXISTS (SELECT FROM projection_checkpoints AS c JOIN events AS e \
       ON (e.tx_id, e.position) > (c.tx_id, c.position) \
       WHERE c.name = 'audit_seal.v1' AND c.part = 0 AND e.position = $1), \
     (SELECT COALESCE(max(position), 0) FROM \
       (SELECT position FROM events ORDER BY events.tx_id DESC, events.position DESC LIMIT $2) AS newest)";

const LAG: &str = "SELECT count(*), \
     COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(recorded_at)), 0)::double precision FROM \
     (SELECT e.recorded_at FROM projection_checkpoints AS c JOIN events AS e \
       ON (e.tx_id, e.position) > (c.tx_id, c.position) WHERE c.name = 'audit_seal.v1' AND c.part = 0 \
       ORDER BY e.tx_id, e.position LIMIT $1) AS waiting";

#[async_trait]
impl Seals for PgSeals {
    async fn origin(&self) -> Result<String, BoxError> {
        let client = self.pool.get().await?;
        let row = client.query_one("SELECT name FROM audit_log", &[]).await?;
        Ok(format!("{ORIGIN}{}", row.try_get::<_, &str>(0)?))
    }

    async fn place(&self, position: i64) -> Result<Place, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT leaf_index, hash FROM audit_leaves WHERE position = $1";
        if let Some(row) = client.query_opt(sql, &[&position]).await? {
            let leaf = Leaf { position, hash: hash(row.get(1)) };
            return Ok(Place::Sealed(row.get::<_, i64>(0).unsigned_abs(), leaf));
        }
        let row = client.query_one(WAITING, &[&position, &NEWEST_EVENTS]).await?;
        let (waits, end): (bool, i64) = (row.get(0), row.get(1));
        if waits {
            return Ok(Place::Waiting);
        }
        Ok(if position > end { Place::Beyond } else { Place::Unused })
    }

    async fn range(&self, from: i64, to: i64) -> Result<Option<Range<u64>>, BoxError> {
        let client = self.pool.get().await?;
        let sql =
            "SELECT min(leaf_index), max(leaf_index) + 1 FROM audit_leaves WHERE position BETWEEN $1 AND $2";
        let row = client.query_one(sql, &[&from, &to]).await?;
        let (first, end): (Option<i64>, Option<i64>) = (row.get(0), row.get(1));
        Ok(first.zip(end).map(|(first, end)| first.unsigned_abs()..end.unsigned_abs()))
    }

    async fn newest(&self) -> Result<Option<StoredCheckpoint>, BoxError> {
        let client = self.pool.get().await?;
        let sql = format!("{CHECKPOINT} ORDER BY tree_size DESC LIMIT 1");
        let statement = client.prepare_cached(&sql).await?;
        Ok(client.query_opt(&statement, &[]).await?.as_ref().map(checkpoint))
    }

    async fn checkpoints(&self, window: &Window<u64>) -> Result<Page<StoredCheckpoint, u64>, BoxError> {
        let client = self.pool.get().await?;
        let limit = i64::try_from(window.size() + 1)?;
        let (compare, order, from) = match window {
            Window::First(_, after) => ("<", "DESC", after.map_or(Ok(i64::MAX), i64::try_from)?),
            Window::Last(_, before) => (">", "ASC", before.map_or(Ok(-1), i64::try_from)?),
        };
        let sql = format!("{CHECKPOINT} WHERE tree_size {compare} $1 ORDER BY tree_size {order} LIMIT $2");
        let statement = client.prepare_cached(&sql).await?;
        let rows = client.query(&statement, &[&from, &limit]).await?;
        let edges = rows.iter().map(checkpoint).map(|node| Edge { key: node.size, node }).collect();
        Ok(Page::from_read(edges, window))
    }

    async fn events(&self, leaves: Range<u64>) -> Result<Box<dyn EventSource>, BoxError> {
        Ok(Box::new(PgEvents::of(&self.pool, leaves).await?))
    }

    async fn store(&self, checkpoint: &StoredCheckpoint, previous: u64) -> Result<bool, BoxError> {
        let client = self.pool.get().await?;
        let sql =
            "INSERT INTO audit_checkpoints (tree_size, previous_size, made_at, note) VALUES ($1, $2, $3, $4)";
        let (size, previous) = (i64::try_from(checkpoint.size)?, i64::try_from(previous)?);
        match client.execute(sql, &[&size, &previous, &checkpoint.at, &checkpoint.note]).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn lag(&self) -> Result<SealingLag, BoxError> {
        let client = self.pool.get().await?;
        let row = client.query_one(LAG, &[&LAG_EVENTS_MAX.cast_signed()]).await?;
        Ok(SealingLag { events: row.try_get::<_, i64>(0)?.unsigned_abs(), seconds: row.try_get(1)? })
    }
}
