//! A sealed log: events, the consumer that seals them, and a notary.

use std::{ops::Range, sync::Arc, time::Duration};

use adapter_postgres::{PgSeals, Sealing};
use application::proofs::{Notary, Rhythm, SealSource, SealingKey, Seals, Verdict, examine};
use cqrs_es::Aggregate;
use domain::{tag::Tag, todo::Todo};
use testkit::{
    TestDatabase, eventually,
    given::{bare, somebody, tag_created, tag_id, todo_completed, todo_created, todo_stream, todo_text},
};

use crate::rig::Node;

/// No two checkpoints further apart.
pub(super) const LEAVES: u64 = 100;
const RHYTHM: Rhythm = Rhythm { leaves: LEAVES, every: Duration::ZERO, look: Duration::from_millis(10) };

pub(super) struct Office {
    pub(super) database: TestDatabase,
    pub(super) node: Node,
    pub(super) seals: Arc<PgSeals>,
    pub(super) key: Arc<SealingKey>,
}

impl Office {
    pub(super) async fn open() -> Self {
        Self::of(TestDatabase::new().await)
    }

    pub(super) fn of(database: TestDatabase) -> Self {
        let node = Node::on(&database);
        let key = SealingKey::read(&SealingKey::generate().unwrap()).unwrap();
        let seals = Arc::new(PgSeals::new(node.pools.pool.clone()));
        Self { database, node, seals, key: Arc::new(key) }
    }

    /// At least so many events, of more than one type.
    pub(super) async fn write(&self, events: usize) {
        let alice = somebody(&self.node.entropy);
        for n in 0..events.div_ceil(5) {
            let history = [
                todo_created(alice, &format!("Milch für Zoë, \"{n}\" \\ 1.50 €")),
                todo_text("bread", 1),
                todo_completed(2),
                todo_text("\u{1F9C0}\n", 3),
            ];
            let stream = todo_stream(alice, &self.node.entropy).0;
            let tag = domain::StreamId::within(alice.tenant, tag_id(&self.node.entropy).0);
            self.node
                .append([
                    bare::<Todo>(&stream, 0, &history),
                    bare::<Tag>(&tag, 0, &[tag_created(alice.tenant, &format!("t{n}"))]),
                ])
                .await;
        }
    }

    /// Waits until every event is sealed.
    pub(super) async fn sealed(&self) {
        let client = self.node.client().await;
        let sql = "SELECT (SELECT count(*) FROM audit_leaves) = (SELECT count(*) FROM events)";
        eventually("everything is sealed", async || client.query_one(sql, &[]).await.unwrap().get(0)).await;
    }

    /// Seals everything there is, and ends the consumer.
    pub(super) async fn seal(&self) {
        let running = self.node.run(Sealing);
        self.sealed().await;
        running.stop().await;
    }

    /// Signs what is sealed.
    pub(super) async fn sign(&self) {
        self.notary().attend().await.unwrap();
    }

    pub(super) fn notary(&self) -> Notary {
        Notary {
            seals: Arc::clone(&self.seals) as _,
            store: None,
            key: Arc::clone(&self.key),
            clock: Arc::clone(&self.node.clock) as _,
            rhythm: RHYTHM,
        }
    }

    pub(super) async fn size(&self) -> u64 {
        self.seals.size().await.unwrap()
    }

    /// What an examination of everything says.
    pub(super) async fn examined(&self) -> Verdict {
        self.examined_in(0..self.size().await).await
    }

    pub(super) async fn examined_in(&self, leaves: Range<u64>) -> Verdict {
        let mut events = self.seals.events(leaves.clone()).await.unwrap();
        examine(self.seals.as_ref(), events.as_mut(), leaves, &[self.key.public()], |_| {}).await.unwrap()
    }

    /// Makes sure that the leaves are the events, in the order of the log and each once.
    pub(super) async fn is_whole(&self) {
        let sql = "SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY tx_id, position) - 1 AS n, position, tx_id \
                   FROM events) AS e FULL JOIN audit_leaves AS l ON l.leaf_index = e.n \
                   WHERE l.position IS DISTINCT FROM e.position OR l.tx_id IS DISTINCT FROM e.tx_id";
        let wrong: i64 = self.node.client().await.query_one(sql, &[]).await.unwrap().get(0);
        assert_eq!(wrong, 0, "leaves that are not the event of their number");
    }

    /// Somebody who may do everything, and whom no trigger stops.
    pub(super) async fn superuser(&self) -> tokio_postgres::Client {
        let client = self.database.owner().await;
        client.batch_execute("SET session_replication_role = replica").await.unwrap();
        client
    }
}

/// The types that [`Office::write`] writes.
pub(super) const TYPES: [&str; 2] = [Todo::TYPE, Tag::TYPE];
