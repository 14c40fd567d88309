//! Migrations: SQL files, each with its way back, run by sqlx's migrator under a lock of our own.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use sqlx::{
    Connection, Executor, PgConnection, Row,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};
use thiserror::Error;

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
/// Statements wait this long for a table that is in use: a deploy must not stand in the way.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
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
    /// The log has no name that could be changed.
    #[error(
        "the log has no name to change; is its schema older than this release? run `migrator` first: {0}"
    )]
    Unnamed(String),
    /// A file failed; it was rolled back.
    #[error("{0}")]
    Failed(String),
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
        Ok(Self { connection, migrator: migrator() })
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
        let pending = self.status().await?.into_iter().filter(|state| !state.applied);
        let pending: Vec<String> = pending.map(|state| state.name).collect();
        self.migrator.run_direct(&mut self.connection).await.map_err(failed)?;
        Ok(pending)
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

    /// Gives the log another name, because it goes on from a copy of itself: what clients hold of the
    /// events that came after the copy would lead to others. Each time another one: two copies of one
    /// moment go on differently, and nothing in them tells the second from the first.
    pub async fn restored(&mut self) -> Result<(), MigrationError> {
        let renamed = self.connection.execute("UPDATE log_identity SET epoch = gen_random_uuid()").await;
        match renamed.map(|done| done.rows_affected()) {
            Ok(1) => Ok(()),
            Ok(_) => Err(MigrationError::Unnamed("log_identity has no row".to_owned())),
            Err(error) => Err(MigrationError::Unnamed(error.to_string())),
        }
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

fn migrator() -> Migrator {
    let mut all = Vec::with_capacity(FILES.len() * 2);
    for (version, name, up, down) in FILES {
        for (kind, sql) in [(MigrationType::ReversibleUp, up), (MigrationType::ReversibleDown, down)] {
            all.push(Migration::new(*version, Cow::Borrowed(*name), kind, Cow::Borrowed(*sql), false));
        }
    }
    // A database may be newer than we are: migrations are additive. The lock is our own, because
    // sqlx's would be subject to the lock timeout.
    Migrator { migrations: Cow::Owned(all), ignore_missing: true, locking: false, ..Migrator::DEFAULT }
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
