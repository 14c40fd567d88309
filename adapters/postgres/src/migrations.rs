//! Migrations: SQL files, each with its way back, run by sqlx's migrator under a lock of our own.

mod restored;

use std::{borrow::Cow, collections::HashMap, time::Duration};

use sqlx::{
    Connection, Executor, PgConnection, Row,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};
use thiserror::Error;

pub use self::restored::Restored;

macro_rules! migrations {
    ($($version:literal $name:literal,)*) => {
        const FILES: &[(i64, &str, &str, &str)] = &[$((
            $version,
            $name,
            include_str!(concat!("../../../migrations/", $name, ".up.sql")),
            include_str!(concat!("../../../migrations/", $name, ".down.sql")),
        ),)*];
    };
}

migrations! {
    1 "0001_event_store",
    2 "0002_vault",
    3 "0003_people",
    4 "0004_tag_list",
    5 "0005_todo_list",
    6 "0006_dev_outbox",
    7 "0007_tenant_walls",
    8 "0008_operator_list",
    9 "0009_todo_changes",
    10 "0010_jobs",
    11 "0011_accounts",
    12 "0012_role_list",
    13 "0013_api_key_list",
    14 "0014_erasure",
    15 "0015_audit_list",
    17 "0017_versions",
    18 "0018_audit_seals",
    19 "0019_projections",
}

/// The newest schema this release knows, and needs.
pub const NEWEST: i64 = FILES[FILES.len() - 1].0;
/// The longest that a migration may keep a statement of a release that serves waiting. The tests of
/// `tests/it/upgrade` hold every new migration to it.
pub const BLOCKED_MAX: Duration = Duration::from_secs(1);
/// Statements wait this long for a table that is in use: whoever comes after them waits as long.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
/// How often a migration that did not get its table is begun anew.
const LOCK_TRIES: u32 = 20;
/// Between two tries those who waited have their turn.
const LOCK_PAUSE: Duration = Duration::from_secs(1);
/// The code of a statement that was cancelled by `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// Two migrators at once: the second waits on this lock.
const LOCK: i64 = 0x0e7d_0001;

/// Why nothing was migrated.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The database is away, or does not take us.
    #[error("cannot connect to the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// An applied file is not the one we have.
    #[error("migration {0} was changed after it was applied")]
    Changed(String),
    /// Nothing is applied.
    #[error("there is no migration to revert")]
    NothingToRevert,
    /// A file failed; it was rolled back.
    #[error("{0}")]
    Failed(String),
    /// Nobody lives to see the server's counter where a restored log ends.
    #[error(
        "the log ends at transaction {log}, the server is at {server}: too far to count; see \"Too far\" in \
         ops/runbooks/restore.md"
    )]
    TooFar {
        /// The newest transaction that is named in the database.
        log: u64,
        /// The next one of the server.
        server: u64,
    },
}

/// A migration and whether it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its file name, without the ending.
    pub name: String,
    /// Whether it is applied.
    pub applied: bool,
}

/// A session that migrates. Nobody else does while it lives.
pub struct Migrations {
    connection: PgConnection,
    migrator: Migrator,
}

impl Migrations {
    /// Connects and takes the lock; waits for another migrator to end.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, MigrationError> {
        let mut connection = PgConnection::connect_with(options).await.map_err(MigrationError::Connect)?;
        let lock = format!("SELECT pg_advisory_lock({LOCK})");
        connection.execute(lock.as_str()).await.map_err(MigrationError::Connect)?;
        let timeout = format!("SET lock_timeout = '{}ms'", LOCK_TIMEOUT.as_millis());
        connection.execute(timeout.as_str()).await.map_err(MigrationError::Connect)?;
        Ok(Self { connection, migrator: migrator(NEWEST) })
    }

    /// What is applied and what is not. An applied file that was changed is an error.
    pub async fn status(&mut self) -> Result<Vec<State>, MigrationError> {
        let applied = self.applied().await?;
        FILES
            .iter()
            .map(|(version, name, ..)| {
                let known = applied.get(version);
                let ours = self
                    .migrator
                    .iter()
                    .find(|it| it.version == *version && !it.migration_type.is_down_migration());
                if let (Some(stored), Some(ours)) = (known, ours)
                    && stored.as_slice() != ours.checksum.as_ref()
                {
                    return Err(MigrationError::Changed((*name).to_owned()));
                }
                Ok(State { name: (*name).to_owned(), applied: known.is_some() })
            })
            .collect()
    }

    /// Applies what is not applied, each file in its own transaction. The names of those applied.
    pub async fn migrate(&mut self) -> Result<Vec<String>, MigrationError> {
        self.migrate_to(NEWEST).await
    }

    /// The same up to a version and no further: the schema of an earlier release.
    pub async fn migrate_to(&mut self, newest: i64) -> Result<Vec<String>, MigrationError> {
        let states = self.status().await?.into_iter().zip(FILES);
        let pending = states.filter(|(state, (version, ..))| !state.applied && *version <= newest);
        let pending: Vec<String> = pending.map(|(state, _)| state.name).collect();
        let migrator = migrator(newest);
        let mut tries = 1;
        loop {
            match migrator.run_direct(&mut self.connection).await {
                Err(error) if tries < LOCK_TRIES && is_busy(&error) => tries += 1,
                done => return done.map(|()| pending).map_err(failed),
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }

    /// Undoes the newest one that is applied.
    pub async fn revert(&mut self) -> Result<String, MigrationError> {
        let applied = self.status().await?;
        let newest =
            applied.iter().rposition(|state| state.applied).ok_or(MigrationError::NothingToRevert)?;
        let target =
            newest.checked_sub(1).and_then(|before| FILES.get(before)).map_or(0, |(version, ..)| *version);
        self.migrator.undo(&mut self.connection, target).await.map_err(failed)?;
        Ok(applied.into_iter().nth(newest).map_or_else(String::new, |state| state.name))
    }

    /// Ends the session, and with it the lock.
    pub async fn close(self) -> Result<(), MigrationError> {
        self.connection.close().await.map_err(MigrationError::Connect)
    }

    async fn applied(&mut self) -> Result<HashMap<i64, Vec<u8>>, MigrationError> {
        self.connection.ensure_migrations_table().await.map_err(failed)?;
        let rows =
            self.connection.fetch_all("SELECT version, checksum FROM _sqlx_migrations WHERE success").await;
        let rows = rows.map_err(MigrationError::Connect)?;
        Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}

fn migrator(newest: i64) -> Migrator {
    let mut all = Vec::with_capacity(FILES.len() * 2);
    for (version, name, up, down) in FILES.iter().filter(|(version, ..)| *version <= newest) {
        for (kind, sql) in [(MigrationType::ReversibleUp, up), (MigrationType::ReversibleDown, down)] {
            all.push(Migration::new(*version, Cow::Borrowed(*name), kind, Cow::Borrowed(*sql), false));
        }
    }
    // A database may be newer than we are: migrations are additive. The lock is our own, because
    // sqlx's would be subject to the lock timeout.
    Migrator { migrations: Cow::Owned(all), ignore_missing: true, locking: false, ..Migrator::DEFAULT }
}

/// Whether a table was in use for too long.
fn is_busy(error: &MigrateError) -> bool {
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = error else {
        return false;
    };
    cause
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failed(error: MigrateError) -> MigrationError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    MigrationError::Failed(text)
}

/// The schema a database has; 0 when it was never migrated.
pub async fn schema_version(client: &tokio_postgres::Client) -> Result<i64, tokio_postgres::Error> {
    let there = client.query_one("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL", &[]).await?;
    if !there.get::<_, bool>(0) {
        return Ok(0);
    }
    let row =
        client.query_one("SELECT COALESCE(max(version), 0) FROM _sqlx_migrations WHERE success", &[]).await?;
    Ok(row.get(0))
}
