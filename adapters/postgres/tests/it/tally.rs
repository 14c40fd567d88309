//! A consumer that counts what it writes, and goes wrong where a test wants it to.

use adapter_postgres::{
    consumers::{Poison, Projection, ProjectionError, Written},
    log::Recorded,
};
use async_trait::async_trait;
use cqrs_es::Aggregate;
use deadpool_postgres::Transaction;
use domain::{StreamId, todo::Todo};
use testkit::TestDatabase;
use tokio::sync::Semaphore;

use crate::rig::Node;

/// What goes wrong at an event, after its row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It cannot be written, ever.
    Poison,
    /// The projection panics.
    Panic,
    /// The database ends the session.
    Severed,
    /// It takes its time.
    Slow,
}

/// One row a stream and sequence, with how often it was written and in which order.
pub(crate) struct Tally {
    poison: Poison,
    fault: Box<dyn Fn(&Recorded) -> Fault + Send + Sync>,
    /// Written, not committed: a permit a batch.
    gate: Option<&'static Gate>,
}

/// Stops a consumer between the write of a batch and its commit.
pub(crate) struct Gate {
    pub(crate) arrived: Semaphore,
    pub(crate) open: Semaphore,
}

impl Tally {
    pub(crate) const NAME: &'static str = "tally.v1";
    pub(crate) const READS: &'static [&'static str] = &[Todo::TYPE];

    pub(crate) fn new() -> Self {
        Self::with(Poison::Halt, |_| Fault::None)
    }

    pub(crate) fn with(poison: Poison, fault: impl Fn(&Recorded) -> Fault + Send + Sync + 'static) -> Self {
        Self { poison, fault: Box::new(fault), gate: None }
    }

    /// Stops at the gate between the write of a batch and its commit.
    pub(crate) fn gated(gate: &'static Gate) -> Self {
        Self { gate: Some(gate), ..Self::new() }
    }

    pub(crate) async fn table(database: &TestDatabase) {
        let sql = "CREATE TABLE tally (stream text, sequence bigint, times int NOT NULL, written bigserial, by int, \
                   PRIMARY KEY (stream, sequence)); \
                   GRANT ALL ON tally TO enterprise_todo_service; GRANT ALL ON SEQUENCE tally_written_seq \
                   TO enterprise_todo_service";
        database.owner().await.batch_execute(sql).await.unwrap();
    }

    /// What was written of a stream, in the order of writing.
    pub(crate) async fn of(node: &Node, stream: &StreamId) -> Vec<i64> {
        let sql = "SELECT sequence FROM tally WHERE stream = $1 ORDER BY written";
        let rows = node.client().await.query(sql, &[&stream.as_str()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// How many events were written, having made sure that each was written once and in order.
    pub(crate) async fn exactly_once(node: &Node) -> i64 {
        let sql = "SELECT count(*), count(*) FILTER (WHERE times <> 1), count(*) FILTER (WHERE NOT follows) FROM ( \
                     SELECT times, sequence = 1 + lag(sequence, 1, 0) OVER (PARTITION BY stream ORDER BY written) \
                     AS follows FROM tally) AS t";
        let row = node.client().await.query_one(sql, &[]).await.unwrap();
        let (all, again, unordered): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((again, unordered), (0, 0), "written more than once, or out of order");
        all
    }

    /// How many sessions took part in the writing.
    pub(crate) async fn writers(node: &Node) -> i64 {
        node.client().await.query_one("SELECT count(DISTINCT by) FROM tally", &[]).await.unwrap().get(0)
    }
}

#[async_trait]
impl Projection for Tally {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn reads(&self) -> &'static [&'static str] {
        Self::READS
    }

    fn poison(&self) -> Poison {
        self.poison
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let sql = "INSERT INTO tally AS t (stream, sequence, times, by) VALUES ($1, $2, 1, pg_backend_pid()) \
                   ON CONFLICT (stream, sequence) DO UPDATE SET times = t.times + 1";
        let statement = tx.prepare_cached(sql).await?;
        for event in batch {
            tx.execute(&statement, &[&event.stream.as_str(), &event.sequence]).await?;
            match (self.fault)(event) {
                Fault::None => {}
                Fault::Poison => {
                    let cause = format!("{} at {} is poison", event.stream, event.sequence);
                    return Err(ProjectionError::Poison { at: event.cursor, cause: cause.into() });
                }
                Fault::Panic => panic!("a test wants this panic"),
                Fault::Severed => {
                    tx.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await?;
                }
                Fault::Slow => {
                    tx.execute("SELECT pg_sleep(0.002)", &[]).await?;
                }
            }
        }
        if let Some(gate) = self.gate {
            gate.arrived.add_permits(1);
            gate.open.acquire().await.unwrap().forget();
        }
        Ok(Written::default())
    }
}
