//! After a restore from a dump: a dump holds the numbers of transactions, and not the server's
//! counter of them. Readers of the log take a number from beyond the counter for a transaction that
//! is still open, and a new one from below their checkpoint for one that they have read.
//!
//! The rule: before anything serves, the counter passes every number that is named anywhere in the
//! database. No row is changed, so seals, checkpoints and lists stay what they were.

use sqlx::{Executor, Row, postgres::PgRow};

use super::{MigrationError, Migrations};

/// Numbers that are passed in one statement; then there is a sign of life.
const PASSED_AT_ONCE: u64 = 1_000_000;
/// What is further away than this would take hours, and come near to the server's own end of
/// numbers, 2^31 beyond its oldest row.
const PASSED_MAX: u64 = 1_000_000_000;

/// Every column that names transactions, as a query for the greatest.
const NAMED: &str = "SELECT format('SELECT named.%1$I::text AS tx FROM %2$s AS named ORDER BY named.%1$I DESC LIMIT 1', \
     a.attname, a.attrelid::regclass) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid \
     WHERE a.atttypid = 'xid8'::regtype AND NOT a.attisdropped AND c.relkind = 'r' \
     AND c.relnamespace <> 'pg_catalog'::regnamespace";
/// The next number that the server gives.
const COUNTER: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text";

/// Where a restored log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The newest transaction that is named in the database.
    pub log: u64,
    /// The next one of the server, which is beyond it now.
    pub server: u64,
}

impl Migrations {
    /// Lets the server count on from where the log ends, and gives the log another epoch, so that
    /// cursors of what was lost lead nowhere. `passing` hears where it is and where it ends.
    pub async fn restored(&mut self, mut passing: impl FnMut(u64, u64)) -> Result<Restored, MigrationError> {
        let mut log = 0;
        for query in self.texts(NAMED).await? {
            log = self.numbers(&query).await?.into_iter().fold(log, u64::max);
        }
        let mut server = self.counter().await?;
        if log.saturating_sub(server) > PASSED_MAX {
            return Err(MigrationError::TooFar { log, server });
        }
        while server <= log {
            let count = (log - server + 1).min(PASSED_AT_ONCE);
            // A number is taken by a transaction that has one, whatever else it does.
            let pass = format!(
                "DO $$ BEGIN FOR i IN 1..{count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
            );
            self.connection.execute(pass.as_str()).await.map_err(said)?;
            server = self.counter().await?;
            passing(server, log);
        }
        self.rename().await?;
        Ok(Restored { log, server })
    }

    /// Each time another epoch: two copies of one moment go on differently, and nothing in them tells
    /// the second from the first.
    async fn rename(&mut self) -> Result<(), MigrationError> {
        let renamed = self.connection.execute("UPDATE log_identity SET epoch = gen_random_uuid()").await;
        let cause = match renamed.map(|done| done.rows_affected()) {
            Ok(1) => return Ok(()),
            Ok(rows) => format!("log_identity has {rows} rows"),
            Err(error) => error.to_string(),
        };
        Err(MigrationError::Failed(format!(
            "the log has no name to change; is its schema older than this release? run `migrator` first: {cause}"
        )))
    }

    async fn counter(&mut self) -> Result<u64, MigrationError> {
        let now = self.numbers(COUNTER).await?;
        now.into_iter().next().ok_or_else(|| MigrationError::Failed("the server has no counter".to_owned()))
    }

    async fn numbers(&mut self, sql: &str) -> Result<Vec<u64>, MigrationError> {
        let texts = self.texts(sql).await?;
        let numbers = texts.iter().map(|text| text.parse::<u64>());
        numbers
            .collect::<Result<_, _>>()
            .map_err(|error| MigrationError::Failed(format!("{error}: {texts:?}")))
    }

    async fn texts(&mut self, sql: &str) -> Result<Vec<String>, MigrationError> {
        let rows: Vec<PgRow> = self.connection.fetch_all(sql).await.map_err(said)?;
        rows.iter().map(|row| row.try_get(0).map_err(said)).collect()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn said(error: sqlx::Error) -> MigrationError {
    MigrationError::Failed(error.to_string())
}
