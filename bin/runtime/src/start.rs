//! Waiting for the database: patient where waiting helps, clear where it does not.

use std::time::Duration;

use adapter_postgres::{Connector, PgPools, PoolError, lacks_role, migrations};
use application::BoxedError;
use thiserror::Error;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Why a process cannot start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// Waiting does not help.
    #[error("Unable to connect to the database: {0}")]
    Refused(String),
    /// It was told to end before it could begin.
    #[error("stopped while waiting for the database")]
    Stopped,
}

/// Waits until the database answers and its schema is new enough.
pub(crate) async fn database(pools: &PgPools, stop: &CancellationToken) -> Result<(), StartError> {
    let mut pause = RETRY_FIRST;
    for attempt in 1_u32.. {
        match look(&pools.connector).await {
            Ok(version) if version >= migrations::NEWEST => {
                tracing::info!("Connection to postgres established on {}", pools.connector.host());
                return Ok(());
            }
            Ok(version) => tracing::warn!(
                "The schema is at version {version}, this release needs {}: run the migrator. Retrying ({attempt})...",
                migrations::NEWEST
            ),
            Err(error) => match hopeless(&error) {
                Some(why) => return Err(StartError::Refused(why)),
                None => {
                    tracing::warn!(cause = %BoxedError(&error), "Unable to connect to the database. Retrying ({attempt})...");
                }
            },
        }
        tokio::select! {
            () = stop.cancelled() => return Err(StartError::Stopped),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(RETRY_MAX);
    }
    Err(StartError::Stopped)
}

async fn look(connector: &Connector) -> Result<i64, PoolError> {
    match connector.connect().await {
        Ok(client) => migrations::schema_version(&client).await.map_err(PoolError::Connect),
        // A database that was never migrated has no role for us yet: that is a schema too old.
        Err(error) if lacks_role(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

/// What no waiting mends: a password, a database that does not exist, a certificate.
fn hopeless(error: &PoolError) -> Option<String> {
    match error {
        PoolError::Connect(error) => {
            let db = error.as_db_error()?;
            let codes = [
                SqlState::INVALID_PASSWORD,
                SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                SqlState::INVALID_CATALOG_NAME,
                SqlState::INSUFFICIENT_PRIVILEGE,
            ];
            codes.contains(db.code()).then(|| db.message().to_owned())
        }
        other => Some(other.to_string()),
    }
}
