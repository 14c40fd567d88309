//! Lets a build serve: both stand at one position, nobody reads for a moment, and the tables change
//! places.

use std::time::{Duration, Instant};

use application::{ports::Cursor, projection::BuildPhase};
use deadpool_postgres::{Client, Transaction};
use tokio_postgres::error::SqlState;

use super::{
    build::{Builder, Stop},
    store::{self, Stored},
};
use crate::xid::place;

/// How long a swap waits for readers to end; others wait behind it for as long.
const READERS_WAIT_MAX: Duration = Duration::from_millis(40);
/// How long a swap may take in all, from its first lock on. The server ends it then.
const SWAP_MAX: Duration = Duration::from_millis(90);
/// How long to wait for the serving one to end its batch.
const BATCH_WAIT_MAX: Duration = Duration::from_secs(5);

/// The serving read model, held at its position until this is dropped.
pub(super) struct Still<'a> {
    tx: Transaction<'a>,
    at: Cursor,
}

impl Builder {
    /// Holds the serving one still, with the build at the same position.
    pub(super) async fn meet<'a>(
        &self,
        client: &'a mut Client,
        build: &mut Stored,
    ) -> Result<Still<'a>, Stop> {
        // Nearly everything is written before anybody has to wait for the rest.
        self.catch_up(build).await?;
        let tx = client.transaction().await?;
        tx.batch_execute(&format!("SET LOCAL lock_timeout = '{}ms'", BATCH_WAIT_MAX.as_millis())).await?;
        let sql =
            "SELECT tx_id, position FROM projection_checkpoints WHERE name = $1 AND part = 0 FOR UPDATE";
        let row = tx.query_opt(sql, &[&build.name]).await?;
        let Some(row) = row else { return Err(Stop::Never("it never began to serve".to_owned())) };
        let at = place(&row, 0)?.unwrap_or_default();
        self.catch_up(build).await?;
        if build.at != at {
            return Err(Stop::Failed(format!("the build is at {:?}, and not at {at:?}", build.at).into()));
        }
        Ok(Still { tx, at })
    }

    /// Swaps. `false`: readers were in the way; try again.
    pub(super) async fn swap(&self, build: &mut Stored) -> Result<bool, Stop> {
        let mut client = self.plain.get().await?;
        client.execute("SELECT shadow_analyze($1)", &[&build.name]).await?;
        let still = self.meet(&mut client, build).await?;
        let began = Instant::now();
        let swapped = still.swap(build).await;
        let locked = began.elapsed();
        match swapped {
            Ok(true) => {}
            Ok(false) => return Err(Stop::Gone),
            Err(error) => {
                return match error.code() {
                    Some(
                        &SqlState::LOCK_NOT_AVAILABLE
                        | &SqlState::QUERY_CANCELED
                        | &SqlState::T_R_DEADLOCK_DETECTED,
                    ) => {
                        tracing::info!(
                            consumer = build.name,
                            "readers are in the way of a swap; will try again"
                        );
                        Ok(false)
                    }
                    Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) => {
                        let cause = error.as_db_error().map(|it| it.message().to_owned());
                        Err(Stop::Never(cause.unwrap_or_default()))
                    }
                    _ => Err(error.into()),
                };
            }
        }
        let locked_ms = locked.as_secs_f32() * 1000.0;
        store::locked(&client, build, locked_ms).await?;
        let returned = build.phase == BuildPhase::Returning;
        tracing::info!(consumer = build.name, locked_ms, returned, "other tables serve");
        build.phase = BuildPhase::Kept;
        Ok(true)
    }
}

impl Still<'_> {
    /// Where both stand.
    pub(super) fn at(&self) -> Cursor {
        self.at
    }

    /// Lets the serving one go on.
    pub(super) async fn release(self) -> Result<(), tokio_postgres::Error> {
        self.tx.rollback().await
    }

    /// `false`: an operator gave it up in the meantime.
    async fn swap(self, build: &Stored) -> Result<bool, tokio_postgres::Error> {
        // A crash of the server that forgets this commit forgets what was written after it, too.
        let limits = format!(
            "SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = '{}ms'; SET LOCAL statement_timeout = '{}ms'",
            READERS_WAIT_MAX.as_millis(),
            SWAP_MAX.as_millis()
        );
        self.tx.batch_execute(&limits).await?;
        let sql = "UPDATE projection_builds SET phase = 'kept', swapped_at = now(), updated_at = now() \
                   WHERE name = $1 AND id = $2 AND phase = $3";
        if self.tx.execute(sql, &[&build.name, &build.id, &build.phase.name()]).await? == 0 {
            return Ok(false);
        }
        self.tx.execute("SELECT shadow_swap($1)", &[&build.name]).await?;
        self.tx.commit().await?;
        Ok(true)
    }
}
