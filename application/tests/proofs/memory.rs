//! A log, its seals and a way to change both, in memory.

use std::ops::Range;

use application::{
    BoxError, Page, Window,
    ports::Cursor,
    proofs::{
        Checkpoint, EventSource, Found, Hash, Leaf, Node, Place, SealSource, SealingKey, SealingLag, Seals,
        StoredCheckpoint, join, leaf_of, subtrees,
    },
};
use async_trait::async_trait;

/// A stored event: where it stands, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) cursor: Cursor,
    pub(crate) content: Vec<u8>,
}

impl Row {
    pub(crate) fn leaf(&self) -> Hash {
        leaf_of(self.cursor.position, &self.content)
    }
}

/// Events, in any order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) rows: Vec<Row>,
    read: usize,
}

impl Log {
    /// So many events, with gaps in the positions, and some that committed late.
    pub(crate) fn of(events: usize, random: &mut fastrand::Rng) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        let mut position = 0;
        for n in 0..events {
            let tx = n as u64;
            position += random.i64(1..4);
            // Of two transactions the later one took the earlier position.
            let late = n % 5 == 4;
            let cursor = Cursor { tx: 100 + tx * 2, position };
            rows.push(Row { cursor, content: vec![random.u8(..); random.usize(1..40)] });
            rows[n].content.extend(tx.to_be_bytes());
            if late {
                let before = rows[n - 1].cursor.position;
                rows[n - 1].cursor.position = position;
                rows[n].cursor.position = before;
            }
        }
        Self { rows, read: 0 }
    }

    /// The events in the order of the log.
    pub(crate) fn ordered(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        rows.sort_by_key(|row| row.cursor);
        rows
    }
}

#[async_trait]
impl EventSource for Log {
    async fn next(&mut self) -> Result<Vec<Found>, BoxError> {
        const AT_ONCE: usize = 7;
        let rows = self.ordered();
        let next = rows.iter().skip(self.read).take(AT_ONCE);
        self.read += AT_ONCE;
        Ok(next.map(|row| Found { cursor: row.cursor, hash: row.leaf() }).collect())
    }

    async fn at(&self, position: i64) -> Result<Vec<Hash>, BoxError> {
        Ok(self.rows.iter().filter(|row| row.cursor.position == position).map(Row::leaf).collect())
    }

    async fn content(&self, of: &Found) -> Result<Vec<u8>, BoxError> {
        let row = self.rows.iter().find(|row| row.cursor == of.cursor && row.leaf() == of.hash);
        Ok(row.ok_or("it is gone")?.content.clone())
    }
}

/// Leaves and checkpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) checkpoints: Vec<StoredCheckpoint>,
}

impl Book {
    /// The seals of a log, with a checkpoint every so many leaves.
    pub(crate) async fn of(log: &Log, every: usize, key: &SealingKey) -> Self {
        let mut book = Self::default();
        let mut previous: Option<Checkpoint> = None;
        for row in log.ordered() {
            book.leaves.push(Leaf { position: row.cursor.position, hash: row.leaf() });
            let size = book.leaves.len();
            if size % every == 0 || size == log.rows.len() {
                let checkpoint = book.checkpoint(size as u64, previous.as_ref()).await;
                let note = checkpoint.sign(key);
                book.checkpoints.push(StoredCheckpoint { size: size as u64, at: checkpoint.at, note });
                previous = Some(checkpoint);
            }
        }
        book
    }

    pub(crate) async fn checkpoint(&self, size: u64, previous: Option<&Checkpoint>) -> Checkpoint {
        Checkpoint {
            origin: "enterprise-todo/memory".to_owned(),
            size,
            root: join(&self.nodes(&subtrees(0..size)).await.unwrap()),
            at: "2026-01-02T03:04:05.000006Z".parse().unwrap(),
            previous: previous.map(|previous| (previous.size, previous.hash())),
        }
    }
}

#[async_trait]
impl SealSource for Book {
    async fn size(&self) -> Result<u64, BoxError> {
        Ok(self.leaves.len() as u64)
    }

    async fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, BoxError> {
        // Fewer than are wanted, so that every boundary is crossed.
        let limit = limit.min(11);
        Ok(self.leaves.iter().skip(usize::try_from(from)?).take(limit).copied().collect())
    }

    async fn index_of(&self, position: i64) -> Result<Option<u64>, BoxError> {
        Ok(self.leaves.iter().position(|leaf| leaf.position == position).map(|at| at as u64))
    }

    async fn nodes(&self, wanted: &[Node]) -> Result<Vec<Hash>, BoxError> {
        let of = |node: &Node| {
            let first = usize::try_from(node.index << node.level)?;
            let leaves = self.leaves.get(first..first + (1 << node.level)).ok_or("not that many")?;
            let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf.hash).collect();
            Ok(crate::checker::root(&hashes))
        };
        wanted.iter().map(of).collect()
    }

    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, BoxError> {
        Ok(self.checkpoints.iter().find(|checkpoint| checkpoint.size >= size).cloned())
    }
}

/// A book that a notary writes in.
#[derive(Default)]
pub(crate) struct Desk(pub(crate) std::sync::Mutex<Book>);

impl Desk {
    pub(crate) fn book(&self) -> Book {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl SealSource for Desk {
    async fn size(&self) -> Result<u64, BoxError> {
        self.book().size().await
    }
    async fn leaves(&self, from: u64, limit: usize) -> Result<Vec<Leaf>, BoxError> {
        self.book().leaves(from, limit).await
    }
    async fn index_of(&self, position: i64) -> Result<Option<u64>, BoxError> {
        self.book().index_of(position).await
    }
    async fn nodes(&self, wanted: &[Node]) -> Result<Vec<Hash>, BoxError> {
        self.book().nodes(wanted).await
    }
    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, BoxError> {
        self.book().checkpoint_from(size).await
    }
}

#[async_trait]
impl Seals for Desk {
    async fn origin(&self) -> Result<String, BoxError> {
        Ok("enterprise-todo/memory".to_owned())
    }
    async fn place(&self, _: i64) -> Result<Place, BoxError> {
        Ok(Place::Beyond)
    }
    async fn range(&self, _: i64, _: i64) -> Result<Option<Range<u64>>, BoxError> {
        Ok(None)
    }
    async fn newest(&self) -> Result<Option<StoredCheckpoint>, BoxError> {
        Ok(self.book().checkpoints.last().cloned())
    }
    async fn checkpoints(&self, _: &Window<u64>) -> Result<Page<StoredCheckpoint, u64>, BoxError> {
        Err("nobody asks here".into())
    }
    async fn events(&self, _: Range<u64>) -> Result<Box<dyn EventSource>, BoxError> {
        Err("nobody asks here".into())
    }
    async fn store(&self, checkpoint: &StoredCheckpoint, previous: u64) -> Result<bool, BoxError> {
        let mut book = self.0.lock().unwrap();
        let follows = book.checkpoints.last().map_or(0, |last| last.size) == previous;
        if follows {
            book.checkpoints.push(checkpoint.clone());
        }
        Ok(follows)
    }
    async fn lag(&self) -> Result<SealingLag, BoxError> {
        Ok(SealingLag { events: 0, seconds: 0.0 })
    }
}
