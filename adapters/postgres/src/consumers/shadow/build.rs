//! Writes one build: from its place up to that of the read model that serves, and no further.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use application::{BoxError, ports::Cursor, projection::BuildPhase};
use deadpool_postgres::Pool;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::store::{self, Speed, Stored};
use crate::{
    BoxedError,
    consumers::{Projection, ProjectionError, lease::Lease, letters},
    log::{Batch, Recorded, Tail},
    pool::{Connector, PoolError, small},
};

/// Events in one batch. Larger ones would save little, and their transactions hold the tail of all
/// readers back for longer.
const BUILD_EVENTS_MAX: usize = 2_000;
/// How often the tables of before are brought up to those that serve.
const FOLLOW_EVERY: Duration = Duration::from_secs(5);
/// How long the tables of before are kept after a swap.
const KEPT_FOR: Duration = Duration::from_hours(24);

/// How builds go about it.
#[derive(Debug, Clone, Copy)]
pub struct BuildPace {
    /// Events in one batch.
    pub batch: usize,
    /// How often the tables of before are brought up to those that serve.
    pub follow: Duration,
    /// How long the tables of before are kept after a swap.
    pub kept: Duration,
}

impl Default for BuildPace {
    fn default() -> Self {
        Self { batch: BUILD_EVENTS_MAX, follow: FOLLOW_EVERY, kept: KEPT_FOR }
    }
}

/// Connections of a build: one writes, one reads ahead, one holds the serving one still, one compares.
const CONNECTIONS: usize = 4;
/// How long to wait before anything that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// One read model, built in this process for as long as it holds the lease.
pub(super) struct Builder {
    pub(super) projection: Arc<dyn Projection>,
    pub(super) lease: Lease,
    /// Finds the copies before the tables that serve.
    pub(super) shadow: Pool,
    /// Finds the tables that serve.
    pub(super) plain: Pool,
    pub(super) pace: BuildPace,
    pub(super) stop: CancellationToken,
}

/// Why a build does not go on here.
pub(super) enum Stop {
    /// Another process, or nobody, is to go on; or it was given up. Look again.
    Gone,
    /// Something failed that may not fail the next time.
    Failed(BoxError),
    /// It will never work.
    Never(String),
}

impl<E: Into<BoxError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Builder {
    /// The connections of a build.
    pub(super) fn shadow(connector: &Connector, name: &str) -> Result<Pool, PoolError> {
        // Names of read models are ours: letters, digits, dots and underlines.
        let home = format!("shadow_{}", name.replace('.', "_"));
        // Comparing large tables takes its time.
        small(connector, CONNECTIONS, &format!("SET statement_timeout = 0; SET search_path = {home}, public"))
    }

    /// Works until there is nothing left to do, or the lease is lost.
    pub(super) async fn run(self) {
        let name = self.projection.name();
        while !self.stop.is_cancelled() && self.lease.held() {
            let pause = match self.step().await {
                Ok(None) => break,
                Ok(Some(pause)) => pause,
                Err(Stop::Gone) => Duration::ZERO,
                Err(Stop::Failed(error)) => {
                    tracing::warn!(error = %BoxedError(error.as_ref()), consumer = name, "build failed; will try again");
                    RETRY
                }
                Err(Stop::Never(error)) => {
                    self.give_up(&error).await;
                    break;
                }
            };
            let _ = tokio::time::timeout(pause, self.stop.cancelled()).await;
        }
        self.lease.release().await;
    }

    /// Does what the phase asks for. `None`: there is nothing to do any more; otherwise, when to look
    /// again.
    async fn step(&self) -> Result<Option<Duration>, Stop> {
        let Some(mut build) = self.load().await? else {
            self.sweep().await?;
            return Ok(None);
        };
        match build.phase {
            BuildPhase::Building => {
                self.catch_up(&mut build).await?;
                self.pass(&mut build, BuildPhase::Comparing).await?;
            }
            BuildPhase::Comparing => {
                self.compare(&mut build).await?;
                self.pass(&mut build, BuildPhase::Swapping).await?;
            }
            BuildPhase::Swapping | BuildPhase::Returning => {
                if !self.swap(&mut build).await? {
                    return Ok(Some(RETRY.mul_f32(0.2 + fastrand::f32())));
                }
            }
            BuildPhase::Kept if build.is_old => {
                let mut client = self.plain.get().await?;
                let tx = client.transaction().await?;
                store::forget(&tx, &build).await?;
                tx.commit().await?;
                tracing::info!(consumer = build.name, "tables of before are gone");
            }
            BuildPhase::Kept => {
                self.catch_up(&mut build).await?;
                return Ok(Some(self.pace.follow));
            }
            BuildPhase::Failed => return Ok(None),
        }
        Ok(Some(Duration::ZERO))
    }

    /// A build that was given up while it was compared may have left its tables.
    async fn sweep(&self) -> Result<(), Stop> {
        let mut client = self.plain.get().await?;
        let tx = client.transaction().await?;
        store::sweep(&tx, self.projection.name()).await?;
        Ok(tx.commit().await?)
    }

    async fn load(&self) -> Result<Option<Stored>, Stop> {
        let client = self.plain.get().await?;
        Ok(store::one(&client, self.projection.name(), self.pace.kept.as_secs_f64()).await?)
    }

    async fn pass(&self, build: &mut Stored, to: BuildPhase) -> Result<(), Stop> {
        let client = self.plain.get().await?;
        if !store::pass(&client, build, to).await? {
            return Err(Stop::Gone);
        }
        build.phase = to;
        tracing::info!(consumer = build.name, phase = to.name(), "build goes on");
        Ok(())
    }

    async fn give_up(&self, error: &str) {
        let name = self.projection.name();
        tracing::error!(error, consumer = name, "build cannot go on");
        let noted = async {
            let mut client = self.plain.get().await?;
            let Some(build) = store::one(&client, name, self.pace.kept.as_secs_f64()).await? else {
                return Ok(());
            };
            let tx = client.transaction().await?;
            store::fail(&tx, &build, error).await?;
            Ok::<_, BoxError>(tx.commit().await?)
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = %BoxedError(error.as_ref()), consumer = name, "a failed build is not noted");
        }
    }

    /// Writes what the serving one has written and the build has not.
    pub(super) async fn catch_up(&self, build: &mut Stored) -> Result<(), Stop> {
        let name = self.projection.name();
        let tail = Arc::new(Tail::of(self.projection.reads()).behind(Some(name)));
        // The log is found from here too, and a scan for seldom events takes as long as it takes.
        let reader = self.shadow.get().await?;
        let discarded = letters::discarded(&reader, name).await?;
        let mut ahead: Option<Batch> = None;
        let mut meter = Meter::from(build.at);
        loop {
            if self.stop.is_cancelled() || !self.lease.held() {
                return Err(Stop::Gone);
            }
            let batch = match ahead.take() {
                Some(batch) => batch,
                None => tail.read(&reader, build.at, self.pace.batch).await?,
            };
            let full = batch.events.len() >= self.pace.batch;
            let next = self.read_ahead(&tail, batch.scanned, full);
            let written = self.write(build, batch.events, batch.scanned, &discarded, &mut meter);
            let (written, next) = tokio::join!(written, next);
            written?;
            ahead = next?;
            if !full {
                return Ok(());
            }
        }
    }

    async fn read_ahead(
        &self,
        tail: &Arc<Tail>,
        scanned: Cursor,
        full: bool,
    ) -> Result<Option<Batch>, BoxError> {
        if !full {
            return Ok(None);
        }
        // A task of its own: another core reads and decodes rows while this one writes.
        let (pool, tail, limit) = (self.shadow.clone(), Arc::clone(tail), self.pace.batch);
        let reading = tokio::spawn(async move {
            let client = pool.get().await?;
            Ok::<_, BoxError>(tail.read(&client, scanned, limit).await?)
        });
        Ok(Some(reading.await??))
    }

    async fn write(
        &self,
        build: &mut Stored,
        events: Vec<Recorded>,
        to: Cursor,
        discarded: &HashSet<Cursor>,
        meter: &mut Meter,
    ) -> Result<(), Stop> {
        if to == build.at {
            return Ok(());
        }
        let mut client = self.shadow.get().await?;
        let tx = client.transaction().await?;
        let speed = meter.passed(to, events.len());
        let lazily = tx.batch_execute("SET LOCAL synchronous_commit = off");
        let ((), moved) = tokio::try_join!(lazily, store::advance(&tx, build, to, events.len(), speed))?;
        if !moved {
            return Err(Stop::Gone);
        }
        let good: Vec<Recorded> = if discarded.is_empty() {
            events
        } else {
            events.into_iter().filter(|event| !discarded.contains(&event.cursor)).collect()
        };
        if !good.is_empty() {
            // Its changes and bells are nobody's: what it writes was told when it happened.
            match AssertUnwindSafe(self.projection.write(&tx, &good)).catch_unwind().await {
                Ok(Ok(_)) => {}
                Ok(Err(ProjectionError::Storage(error))) => return Err(error.into()),
                Ok(Err(ProjectionError::Unavailable(error))) => return Err(Stop::Failed(error)),
                Ok(Err(poison)) => return Err(Stop::Never(BoxedError(&poison).to_string())),
                Err(_) => return Err(Stop::Never("the projection panicked".to_owned())),
            }
        }
        tx.commit().await?;
        build.at = to;
        Ok(())
    }
}

/// Measures one run of a build.
struct Meter {
    began: Instant,
    from: i64,
    events: usize,
}

impl Meter {
    fn from(at: Cursor) -> Self {
        Self { began: Instant::now(), from: at.position, events: 0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "a speed for people")]
    fn passed(&mut self, to: Cursor, events: usize) -> Speed {
        self.events += events;
        let seconds = self.began.elapsed().as_secs_f32().max(0.001);
        // A place that only passed over events has the largest number there is: it tells no pace.
        let positions =
            if to.position == i64::MAX { 0 } else { to.position.saturating_sub(self.from).max(0) };
        Speed { events: self.events as f32 / seconds, positions: positions as f32 / seconds }
    }
}
