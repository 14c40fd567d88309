//! The one runner.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use application::{
    meter,
    ports::{Cursor, LogError, Signal, Signals},
};
use deadpool_postgres::{Client, Pool};
use tokio_util::sync::CancellationToken;

use super::{
    Effects, Leases, Projection, Written,
    checkpoint::{self, Checkpoint, Status},
    lease::Lease,
    letters::Aside,
    seat::{Place, Riders, Seat},
    writing::{Job, Turn},
};
use crate::{
    BoxedError,
    log::{Batch, Reader, Recorded, Tail, Wake},
    progress::Reached,
};

/// Events in one batch, at most.
pub const BATCH_EVENTS_MAX: usize = 500;

/// How often an idle consumer's checkpoint is moved over events that are not for it.
const KEEP_SCANNED_EVERY: Duration = Duration::from_secs(10);

/// So many events in one batch: several write at the same time.
const MANY_EVENTS: usize = 4;
/// How long the next batch is gathered then. Without it most batches under load would hold what was
/// committed while the one before was written, and cost more than what is in them.
const GATHER: Duration = Duration::from_millis(3);

/// The first pause before a reader looks again for events it cannot read yet; it doubles each time.
const LOOK_AGAIN_FIRST: Duration = Duration::from_millis(1);

/// How patient a runner is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Polling is the guarantee; hints only make it sooner.
    pub poll: Duration,
    /// How long to wait before trying for a lease, or anything that failed, again.
    pub retry: Duration,
    /// Events in one batch.
    pub batch: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll: Duration::from_millis(500), retry: Duration::from_secs(1), batch: BATCH_EVENTS_MAX }
    }
}

/// Runs one projection in this process, whenever it holds its lease.
pub struct Runner {
    /// What it runs.
    pub projection: Arc<dyn Projection>,
    /// For reading and writing.
    pub pool: Pool,
    /// Who runs.
    pub leases: Arc<Leases>,
    /// Tells that there is something to read.
    pub wake: Arc<Wake>,
    /// Tells others how far it came.
    pub signals: Arc<dyn Signals>,
    /// Tells this process how far it came.
    pub reached: Arc<Reached>,
    /// How patient it is.
    pub pace: Pace,
}

impl Runner {
    /// Runs until `stop`; then the lease is given back.
    pub async fn run(self, stop: CancellationToken) {
        let reader = self.wake.reader(self.projection.reads(), self.projection.behind());
        let seat = self.leases.seats.add(&self.projection, &reader);
        let name = self.projection.name();
        while !stop.is_cancelled() {
            match self.leases.acquire(name).await {
                Ok(Some(lease)) => {
                    tracing::info!(consumer = name, "consumer leads");
                    reader.leads.store(true, Ordering::Relaxed);
                    self.lead(&lease, &reader, seat.as_deref(), &stop).await;
                    reader.leads.store(false, Ordering::Relaxed);
                    lease.release().await;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = %BoxedError(&error), consumer = name, "no lease; will try again");
                }
            }
            let pause = self.pace.retry.mul_f32(0.5 + fastrand::f32());
            let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        }
    }

    async fn lead(&self, lease: &Lease, reader: &Reader, seat: Option<&Seat>, stop: &CancellationToken) {
        while lease.held() && !stop.is_cancelled() {
            match self.follow(lease, reader, seat, stop).await {
                Ok(Some(Turn::Fenced)) => {
                    tracing::warn!(
                        consumer = self.projection.name(),
                        "fenced: another runner moved the checkpoint"
                    );
                }
                Ok(Some(Turn::Stopped)) => {
                    let _ = tokio::time::timeout(self.pace.retry, stop.cancelled()).await;
                }
                Ok(None) => {}
                Err(error) => {
                    let name = self.projection.name();
                    tracing::warn!(error = %BoxedError(error.as_ref()), consumer = name, "consumer failed; will try again");
                    let _ = tokio::time::timeout(self.pace.retry, stop.cancelled()).await;
                }
            }
        }
    }

    /// Follows the tail from the checkpoint until something is not as expected.
    async fn follow(
        &self,
        lease: &Lease,
        reader: &Reader,
        seat: Option<&Seat>,
        stop: &CancellationToken,
    ) -> Result<Option<Turn>, application::BoxError> {
        let name = self.projection.name();
        let tail = Arc::new(Tail::of(self.projection.reads()).behind(self.projection.behind()));
        let mut client = self.pool.get().await?;
        self.wake.near.forget().await;
        let checkpoint = checkpoint::load(&client, name, self.projection.effects()).await?;
        let Some(Checkpoint { mut at, status, .. }) = checkpoint else {
            return Err("it has effects outside, and no migration has made its checkpoint".into());
        };
        if status != Status::Running {
            return Ok(Some(Turn::Stopped));
        }
        reader.came(at);
        let mut aside = Aside::load(&client, name, self.projection.poison(), at).await?;
        let mut riders = Riders::of(&self.leases.seats, name);
        let (mut scanned, mut kept, mut again) = (at, Instant::now(), Duration::ZERO);
        let mut ahead: Option<Batch> = None;
        while lease.held() && !stop.is_cancelled() {
            if !self.settle_letters(&mut client, at, &mut aside).await? {
                return Ok(Some(Turn::Fenced));
            }
            let batch = match ahead.take() {
                Some(batch) => batch,
                None => self.look(&client, &tail, reader, scanned).await?,
            };
            scanned = batch.scanned;
            let full = batch.events.len() >= self.pace.batch;
            let concerns = !aside.is_nothing() || self.is_concerned(&batch.events);
            let Some(last) = batch.events.last().map(|event| event.cursor).filter(|_| concerns) else {
                self.came(reader, scanned);
                if !self.keep_scanned(&mut client, &mut at, scanned, &mut kept).await? {
                    return Ok(Some(Turn::Fenced));
                }
                if !full {
                    let place = Place { at, scanned };
                    (at, scanned) = self.wait(reader, seat, &aside, place, &mut again, stop).await;
                }
                continue;
            };
            // While this batch is written, the next one is read; a batch that was not full has none.
            let next = self.read_ahead(&tail, scanned, full);
            // Behind a backlog, two who write at the same time are quicker than one who writes for both.
            let along = if full || !aside.is_nothing() { Vec::new() } else { riders.boarding(at).await };
            let mut job = Job::new(at, &batch.events, last, along);
            let (written, next) = tokio::join!(self.measured(&mut client, &mut job, &mut aside), next);
            let written = match written? {
                Ok(written) => written,
                Err(turn) => return Ok(Some(turn)),
            };
            (at, aside.owes, again) = (last, false, Duration::ZERO);
            self.came(reader, scanned);
            for (name, written) in job.came(written, name) {
                self.signal(name, last, written).await;
            }
            ahead = next?;
            if !full {
                self.rest(batch.events.len(), stop).await;
                // It was all there was, and a word of what came since then ends the wait at once.
                let place = Place { at, scanned };
                (at, scanned) = self.wait(reader, seat, &aside, place, &mut again, stop).await;
            }
        }
        Ok(None)
    }

    /// What came since. Who was woken finds it where it is read once for all; the others read for
    /// themselves, which is all that is ever needed.
    async fn look(
        &self,
        client: &Client,
        tail: &Tail,
        reader: &Reader,
        scanned: Cursor,
    ) -> Result<Batch, LogError> {
        if let (None, Some(wanted)) = (self.projection.behind(), reader.waits_for(scanned)) {
            let reads = self.projection.reads();
            let near = self.wake.near.read(client, reads, scanned, wanted, self.pace.batch).await?;
            if let Some(batch) = near {
                return Ok(batch);
            }
        }
        tail.read(client, scanned, self.pace.batch).await
    }

    /// Whether there is anything to write. One that falls over says so where that is dealt with.
    fn is_concerned(&self, events: &[Recorded]) -> bool {
        let passed_over = || events.iter().all(|event| self.projection.passes_over(event));
        !catch_unwind(AssertUnwindSafe(passed_over)).unwrap_or(false)
    }

    /// Lets events come together after a batch of so many.
    async fn rest(&self, events: usize, stop: &CancellationToken) {
        let gather = if events >= MANY_EVENTS { GATHER } else { Duration::ZERO };
        let rest = gather.max(self.projection.rests());
        if !rest.is_zero() {
            let _ = tokio::time::timeout(rest, stop.cancelled()).await;
        }
    }

    /// Writes a batch, and how long that took.
    async fn measured(
        &self,
        client: &mut Client,
        job: &mut Job<'_>,
        aside: &mut Aside,
    ) -> Result<Result<Written, Turn>, application::BoxError> {
        let (begun, name, events) = (Instant::now(), self.projection.name(), job.events.len() as u64);
        let written = self.write(client, job, aside).await;
        meter::PROJECTION_TIME.since(begun, [name]);
        if matches!(written, Ok(Ok(_))) {
            meter::PROJECTED.add(events, [name]);
        }
        written
    }

    /// Tells this process how far it came.
    fn came(&self, reader: &Reader, scanned: Cursor) {
        self.reached.advance(self.projection.name(), scanned);
        reader.came(scanned);
    }

    /// Waits until there may be something to read, in its seat if it has one; where it then stands.
    /// `again` is how long it waited last for events that could not be read yet.
    async fn wait(
        &self,
        reader: &Reader,
        seat: Option<&Seat>,
        aside: &Aside,
        place: Place,
        again: &mut Duration,
        stop: &CancellationToken,
    ) -> (Cursor, Cursor) {
        // Events behind a transaction that is still open wake nobody again when it ends.
        let soon = (*again * 2).clamp(LOOK_AGAIN_FIRST, self.pace.poll);
        *again = if reader.waits_for(place.scanned).is_some() { soon } else { Duration::ZERO };
        let pause = if again.is_zero() { self.pace.poll } else { *again };
        // Whoever leaves events aside looks at each itself.
        let seat = seat.filter(|_| aside.is_nothing());
        if let Some(seat) = seat {
            seat.take(place).await;
        }
        tokio::select! {
            () = reader.woken.notified() => {}
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let came = match seat {
            Some(seat) => seat.leave().await,
            None => None,
        };
        let Place { at, scanned } = came.unwrap_or(place);
        self.reached.advance(self.projection.name(), scanned);
        (at, scanned)
    }

    /// Moves the checkpoint over events that are not for it, now and then, so that a restart need not
    /// scan them again. `false`: it is not where we left it.
    async fn keep_scanned(
        &self,
        client: &mut Client,
        at: &mut Cursor,
        scanned: Cursor,
        kept: &mut Instant,
    ) -> Result<bool, application::BoxError> {
        if scanned.tx <= at.tx || kept.elapsed() < KEEP_SCANNED_EVERY {
            return Ok(true);
        }
        let tx = client.transaction().await?;
        let moved = checkpoint::advance(&tx, self.projection.name(), *at, scanned, 0).await?;
        tx.commit().await?;
        self.wake.projected(self.projection.name(), scanned);
        (*at, *kept) = (scanned, Instant::now());
        Ok(moved)
    }

    async fn read_ahead(
        &self,
        tail: &Arc<Tail>,
        scanned: Cursor,
        full: bool,
    ) -> Result<Option<Batch>, application::BoxError> {
        if !full {
            return Ok(None);
        }
        // A connection and a task of its own, and only while there is a backlog: another core
        // reads and decodes rows while this one writes.
        let (pool, tail, limit) = (self.pool.clone(), Arc::clone(tail), self.pace.batch);
        let reading = tokio::spawn(async move {
            let client = pool.get().await?;
            Ok::<_, application::BoxError>(tail.read(&client, scanned, limit).await?)
        });
        Ok(Some(reading.await??))
    }

    /// Tells that a consumer came that far.
    pub(super) async fn signal(&self, consumer: &'static str, reached: Cursor, written: Written) {
        self.wake.projected(consumer, reached);
        match written.bell {
            Some(bell) => bell.ring(),
            // Of a reaction others only want to hear that there are jobs: it wakes all their workers.
            None if self.projection.effects() == Effects::Outside => return,
            None => {}
        }
        let model = consumer.to_owned();
        self.signals.publish(Signal::Projected { model, reached, changes: written.changes }).await;
    }
}
