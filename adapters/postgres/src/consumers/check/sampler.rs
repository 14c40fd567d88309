//! Checks a few pieces of every read model now and then, in one process of all.

use std::{sync::Arc, time::Duration};

use application::BoxError;
use async_trait::async_trait;
use deadpool_postgres::{Client, Pool};
use tokio_util::sync::CancellationToken;

use super::{
    Piece,
    fold::{self, Outcome},
    mend,
    pick::{self, Picked},
};
use crate::{
    BoxedError,
    consumers::{Effects, Leases, Projection},
    pool::{Connector, PoolError, small},
};

/// How often a round is made.
const CHECK_EVERY: Duration = Duration::from_mins(1);
/// Pieces of each kind in a round, by rows and by the log each.
const PIECES: usize = 4;
/// A statement of a check ends after that time, whatever it was about to find.
const STATEMENT_MAX: Duration = Duration::from_secs(5);

/// How much is checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckPace {
    /// How often a round is made.
    pub every: Duration,
    /// Pieces of each kind in a round, by rows and by the log each.
    pub pieces: usize,
}

impl Default for CheckPace {
    fn default() -> Self {
        Self { every: CHECK_EVERY, pieces: PIECES }
    }
}

/// Is told what was mended, beside the log.
#[async_trait]
pub trait Told: Send + Sync + 'static {
    /// Rows of a read model differed from the log; they do no more. `about` names the piece: nothing
    /// personal.
    async fn mended(&self, about: String) -> Result<(), BoxError>;
}

/// What a round came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Pieces that were computed anew.
    pub pieces: usize,
    /// Pieces that are too large, or could not be computed.
    pub left_out: usize,
    /// Those that differed, and were mended: read model, table, key.
    pub mended: Vec<String>,
    /// Those that differed, and were not.
    pub broken: Vec<String>,
}

/// Checks read models against the log.
pub struct SelfCheck {
    /// What may be checked.
    pub projections: Vec<Arc<dyn Projection>>,
    /// Opens the session that computes.
    pub connector: Connector,
    /// Who checks.
    pub leases: Arc<Leases>,
    /// Who is told.
    pub told: Arc<dyn Told>,
    /// How much is checked.
    pub pace: CheckPace,
}

impl SelfCheck {
    /// Makes rounds until `stop`, whenever it holds the lease.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let _ =
                tokio::time::timeout(self.pace.every.mul_f32(0.5 + fastrand::f32()), stop.cancelled()).await;
            if stop.is_cancelled() {
                return;
            }
            match self.leases.acquire("self-check").await {
                Ok(Some(lease)) => {
                    let round = self.round(None, self.pace.pieces);
                    tokio::select! {
                        () = stop.cancelled() => {}
                        checked = round => if let Err(error) = checked {
                            tracing::warn!(error = %BoxedError(error.as_ref()), "read models cannot be checked now");
                        }
                    }
                    lease.release().await;
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(error = %BoxedError(&error), "no lease for the self-check"),
            }
        }
    }

    /// One round over one read model, or over all, in tables that live as long as the round.
    pub async fn round(&self, of: Option<&str>, pieces: usize) -> Result<Checked, BoxError> {
        let mut checked = Checked::default();
        for projection in &self.projections {
            let is_asked = of.is_none_or(|of| of == projection.name());
            if !is_asked || projection.effects() != Effects::Rows || projection.pieces().is_empty() {
                continue;
            }
            // A session for each: its tables have the names of those that serve.
            let pool = self.session()?;
            let mut client = pool.get().await?;
            fold::prepare(&mut client, projection.name()).await?;
            for piece in &projection.pieces() {
                for picked in pick(&client, piece, pieces).await? {
                    self.one(&mut client, projection.as_ref(), piece, &picked, &mut checked).await?;
                }
            }
            drop(client);
            pool.close();
        }
        Ok(checked)
    }

    fn session(&self) -> Result<Pool, PoolError> {
        small(&self.connector, 1, &format!("SET statement_timeout = '{}ms'", STATEMENT_MAX.as_millis()))
    }

    async fn one(
        &self,
        client: &mut Client,
        projection: &dyn Projection,
        piece: &Piece,
        picked: &Picked,
        checked: &mut Checked,
    ) -> Result<(), BoxError> {
        let about = format!("{} {} {}", projection.name(), piece.table, picked.key);
        match fold::look(client, projection, piece, picked).await {
            Ok(Outcome::Differing(0)) => checked.pieces += 1,
            Ok(Outcome::Differing(rows)) => {
                checked.pieces += 1;
                tracing::error!(
                    consumer = projection.name(),
                    table = piece.table,
                    key = picked.key,
                    rows,
                    "a read model differs from the log"
                );
                match mend::mend(client, projection, piece, picked).await {
                    Ok(0) => {}
                    Ok(rows) => {
                        tracing::warn!(consumer = projection.name(), key = picked.key, rows, "mended");
                        self.told.mended(about.clone()).await?;
                        checked.mended.push(about);
                    }
                    Err(error) => {
                        tracing::error!(error = %BoxedError(error.as_ref()), consumer = projection.name(), "not mended");
                        checked.broken.push(about);
                    }
                }
            }
            Ok(Outcome::TooLarge) => checked.left_out += 1,
            Err(error) => {
                checked.left_out += 1;
                tracing::warn!(error = %BoxedError(error.as_ref()), piece = about, "a piece cannot be computed anew");
            }
        }
        Ok(())
    }
}

async fn pick(client: &Client, piece: &Piece, most: usize) -> Result<Vec<Picked>, BoxError> {
    let mut all = pick::by_rows(client, piece, i64::try_from(most)?).await?;
    for _ in 0..most {
        all.extend(pick::by_log(client, piece).await?.filter(|picked| !all.contains(picked)));
    }
    Ok(all)
}
