//! A consumer that counts what it writes, and goes wrong where a test wants it to.

use std::time::Duration;

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
    part: &'static Part,
    poison: Poison,
    fault: Box<dyn Fn(&Recorded) -> Fault + Send + Sync>,
    /// Written, not committed: a permit a batch.
    gate: Option<&'static Gate>,
    rests: Duration,
}

/// Which consumer, and where it writes.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    table: &'static str,
    behind: Option<&'static str>,
}

const ALONE: Part = Part { name: Tally::NAME, table: "tally", behind: None };
/// Follows the other one, and has a row only where that one has one.
pub(crate) const ECHO: Part = Part { name: "echo.v1", table: "echo", behind: Some(Tally::NAME) };

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
        Self { part: &ALONE, poison, fault: Box::new(fault), gate: None, rests: Duration::ZERO }
    }

    /// Stops at the gate between the write of a batch and its commit.
    pub(crate) fn gated(gate: &'static Gate) -> Self {
        Self { gate: Some(gate), ..Self::new() }
    }

    /// Rests so long after a batch.
    pub(crate) fn resting(rests: Duration) -> Self {
        Self { rests, ..Self::new() }
    }

    /// The same behind the other one.
    pub(crate) fn echo(fault: impl Fn(&Recorded) -> Fault + Send + Sync + 'static) -> Self {
        Self::with(Poison::Halt, fault).behind_the_other()
    }

    pub(crate) fn behind_the_other(self) -> Self {
        Self { part: &ECHO, ..self }
    }

    pub(crate) async fn table(database: &TestDatabase) {
        let owner = database.owner().await;
        for Part { table, behind, .. } in [&ALONE, &ECHO] {
            let behind = behind.map_or(
                "",
                |_| ", FOREIGN KEY (stream, sequence) REFERENCES tally DEFERRABLE INITIALLY DEFERRED",
            );
            let sql = format!(
                "CREATE TABLE {table} (stream text, sequence bigint, times int NOT NULL, written bigserial, by int, \
                   PRIMARY KEY (stream, sequence){behind}); \
                 GRANT ALL ON {table} TO enterprise_todo_service; GRANT ALL ON SEQUENCE {table}_written_seq \
                   TO enterprise_todo_service"
            );
            owner.batch_execute(&sql).await.unwrap();
        }
    }

    /// What was written of a stream, in the order of writing.
    pub(crate) async fn of(node: &Node, stream: &StreamId) -> Vec<i64> {
        let sql = "SELECT sequence FROM tally WHERE stream = $1 ORDER BY written";
        let rows = node.client().await.query(sql, &[&stream.as_str()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// How many events were written, having made sure that each was written once and in order.
    pub(crate) async fn exactly_once(node: &Node) -> i64 {
        Self::exactly_once_in(node, &ALONE).await
    }

    /// The same of one of the two.
    pub(crate) async fn exactly_once_in(node: &Node, part: &Part) -> i64 {
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE times <> 1), count(*) FILTER (WHERE NOT follows) FROM ( \
               SELECT times, sequence = 1 + lag(sequence, 1, 0::bigint) OVER (PARTITION BY stream ORDER BY written) \
               AS follows FROM {}) AS t",
            part.table
        );
        let row = node.client().await.query_one(&sql, &[]).await.unwrap();
        let (all, again, unordered): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((again, unordered), (0, 0), "written more than once, or out of order");
        all
    }

    /// How many transactions wrote it all.
    pub(crate) async fn batches(node: &Node) -> i64 {
        node.client()
            .await
            .query_one("SELECT count(DISTINCT xmin::text) FROM tally", &[])
            .await
            .unwrap()
            .get(0)
    }

    /// How many sessions took part in the writing.
    pub(crate) async fn writers(node: &Node) -> i64 {
        node.client().await.query_one("SELECT count(DISTINCT by) FROM tally", &[]).await.unwrap().get(0)
    }
}

#[async_trait]
impl Projection for Tally {
    fn name(&self) -> &'static str {
        self.part.name
    }

    fn behind(&self) -> Option<&'static str> {
        self.part.behind
    }

    fn reads(&self) -> &'static [&'static str] {
        Self::READS
    }

    fn rests(&self) -> Duration {
        self.rests
    }

    fn poison(&self) -> Poison {
        self.poison
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let sql = format!(
            "INSERT INTO {} AS t (stream, sequence, times, by) VALUES ($1, $2, 1, pg_backend_pid()) \
             ON CONFLICT (stream, sequence) DO UPDATE SET times = t.times + 1",
            self.part.table
        );
        let statement = tx.prepare_cached(&sql).await?;
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
