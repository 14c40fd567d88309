//! The one runner.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use application::ports::{Cursor, Signal, Signals};
use deadpool_postgres::Pool;
use tokio_util::sync::CancellationToken;

use super::{
    Leases, Poison, Projection, ProjectionError, Written,
    checkpoint::{self, Checkpoint, Status},
    lease::Lease,
};
use crate::{
    BoxedError,
    log::{Batch, Reader, Recorded, Tail, Wake},
    progress::Reached,
};

/// Events in one batch, at most.
pub const BATCH_EVENTS_MAX: usize = 500;
/// How often one event is tried before it is poison.
const POISON_ATTEMPTS: u32 = 3;

/// How often an idle consumer's checkpoint is moved over events that are not for it.
const KEEP_SCANNED_EVERY: Duration = Duration::from_secs(10);

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

/// An event of this batch that is a dead letter from now on.
struct Dead {
    at: Cursor,
    stream: (String, String),
    error: String,
}

/// Why a turn ended.
enum Turn {
    /// The checkpoint is not where we left it.
    Fenced,
    /// The status is not running.
    Stopped,
}

impl Runner {
    /// Runs until `stop`; then the lease is given back.
    pub async fn run(self, stop: CancellationToken) {
        let reader = self.wake.reader(self.projection.reads(), self.projection.behind());
        let name = self.projection.name();
        while !stop.is_cancelled() {
            match self.leases.acquire(name).await {
                Ok(Some(lease)) => {
                    tracing::info!(consumer = name, "consumer leads");
                    reader.leads.store(true, Ordering::Relaxed);
                    self.lead(&lease, &reader, &stop).await;
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

    async fn lead(&self, lease: &Lease, reader: &Reader, stop: &CancellationToken) {
        while lease.held() && !stop.is_cancelled() {
            match self.follow(lease, reader, stop).await {
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
        stop: &CancellationToken,
    ) -> Result<Option<Turn>, application::BoxError> {
        let name = self.projection.name();
        let tail = Arc::new(Tail::of(self.projection.reads()).behind(self.projection.behind()));
        let mut client = self.pool.get().await?;
        let checkpoint = checkpoint::load(&client, name, self.projection.effects()).await?;
        let Some(Checkpoint { mut at, status, .. }) = checkpoint else {
            return Err("it has effects outside, and no migration has made its checkpoint".into());
        };
        if status != Status::Running {
            return Ok(Some(Turn::Stopped));
        }
        let mut parked: HashSet<(String, String)> = match self.projection.poison() {
            Poison::Park => checkpoint::parked(&client, name).await?.into_iter().collect(),
            Poison::Halt => HashSet::new(),
        };
        let mut scanned = at;
        let mut kept = Instant::now();
        let mut ahead: Option<Batch> = None;
        let mut again = Duration::ZERO;
        while lease.held() && !stop.is_cancelled() {
            let batch = match ahead.take() {
                Some(batch) => batch,
                None => tail.read(&client, scanned, self.pace.batch).await?,
            };
            scanned = batch.scanned;
            let Some(last) = batch.events.last().map(|event| event.cursor) else {
                self.reached.advance(name, scanned);
                if scanned.tx > at.tx && kept.elapsed() >= KEEP_SCANNED_EVERY {
                    if !self.keep_scanned(&mut client, at, scanned).await? {
                        return Ok(Some(Turn::Fenced));
                    }
                    (at, kept) = (scanned, Instant::now());
                }
                // Events behind a transaction that is still open wake nobody again when it ends.
                let soon = (again * 2).clamp(LOOK_AGAIN_FIRST, self.pace.poll);
                again = if reader.waits_for(scanned) { soon } else { Duration::ZERO };
                tokio::select! {
                    () = reader.woken.notified() => {}
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(if again.is_zero() { self.pace.poll } else { again }) => {}
                }
                continue;
            };
            // While this batch is written, the next one is read; a batch that was not full has none.
            let full = batch.events.len() >= self.pace.batch;
            let next = self.read_ahead(&tail, scanned, full);
            let (written, next) =
                tokio::join!(self.write(&mut client, at, &batch.events, last, &mut parked), next);
            match written? {
                Ok(written) => {
                    at = last;
                    self.reached.advance(name, scanned);
                    self.signal(last, written).await;
                }
                Err(turn) => return Ok(Some(turn)),
            }
            ahead = next?;
        }
        Ok(None)
    }

    /// Moves the checkpoint over events of other kinds, so that a restart need not scan them again.
    async fn keep_scanned(
        &self,
        client: &mut deadpool_postgres::Client,
        from: Cursor,
        to: Cursor,
    ) -> Result<bool, application::BoxError> {
        let tx = client.transaction().await?;
        let moved = checkpoint::advance(&tx, self.projection.name(), from, to).await?;
        tx.commit().await?;
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

    async fn signal(&self, reached: Cursor, written: Written) {
        if let Some(bell) = written.bell {
            bell.ring();
        }
        let model = self.projection.name().to_owned();
        self.wake.projected(&model);
        self.signals.publish(Signal::Projected { model, reached, changes: written.changes }).await;
    }

    /// Writes a batch; what cannot be written is tried again, then put aside.
    async fn write(
        &self,
        client: &mut deadpool_postgres::Client,
        from: Cursor,
        events: &[Recorded],
        to: Cursor,
        parked: &mut HashSet<(String, String)>,
    ) -> Result<Result<Written, Turn>, application::BoxError> {
        let mut poison: Vec<Dead> = Vec::new();
        let mut attempts = 0;
        loop {
            match self.attempt(client, from, events, to, parked, &poison).await {
                Ok(done) => {
                    parked.extend(poison.into_iter().map(|dead| dead.stream));
                    return Ok(done);
                }
                Err(ProjectionError::Poison { at, cause }) => {
                    attempts += 1;
                    let event = events.iter().find(|event| event.cursor == at);
                    let Some(event) = event.filter(|_| poison.iter().all(|dead| dead.at != at)) else {
                        return Err(
                            format!("the event at {} is poison even when put aside", at.position).into()
                        );
                    };
                    if attempts < POISON_ATTEMPTS {
                        tokio::time::sleep(self.pace.retry.mul_f32(0.1)).await;
                        continue;
                    }
                    attempts = 0;
                    tracing::error!(
                        error = %BoxedError(cause.as_ref()), consumer = self.projection.name(), position = at.position,
                        "poison event; it is a dead letter now"
                    );
                    let error = BoxedError(cause.as_ref()).to_string();
                    poison.push(Dead { at, stream: stream_of(event), error });
                }
                Err(ProjectionError::Panicked) => return self.one_by_one(client, from, events, parked).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Finds the event that makes the projection panic: it alone is poison.
    async fn one_by_one(
        &self,
        client: &mut deadpool_postgres::Client,
        mut from: Cursor,
        events: &[Recorded],
        parked: &mut HashSet<(String, String)>,
    ) -> Result<Result<Written, Turn>, application::BoxError> {
        let mut all = Written::default();
        for event in events {
            let one = std::slice::from_ref(event);
            match Box::pin(self.write(client, from, one, event.cursor, parked)).await? {
                Ok(written) => {
                    all.changes.extend(written.changes);
                    all.bell = written.bell.or(all.bell);
                }
                Err(turn) => {
                    self.signal(from, all).await;
                    return Ok(Err(turn));
                }
            }
            from = event.cursor;
        }
        Ok(Ok(all))
    }

    async fn attempt(
        &self,
        client: &mut deadpool_postgres::Client,
        from: Cursor,
        events: &[Recorded],
        to: Cursor,
        parked: &HashSet<(String, String)>,
        poison: &[Dead],
    ) -> Result<Result<Written, Turn>, ProjectionError> {
        let name = self.projection.name();
        let rule = self.projection.poison();
        let tx = client.transaction().await?;
        let halt = poison.first().filter(|_| rule == Poison::Halt).map(|dead| dead.at);
        let good: Cow<'_, [Recorded]> = if poison.is_empty() && parked.is_empty() {
            events.into()
        } else {
            let before_halt = events.iter().take_while(|event| halt.is_none_or(|halt| event.cursor < halt));
            before_halt.filter(|event| !aside(event, parked, poison)).cloned().collect()
        };
        let reached = match halt {
            Some(_) => good.last().map_or(from, |event| event.cursor),
            None => to,
        };
        // Both go out at once, in this order.
        let lazily = tx.batch_execute("SET LOCAL synchronous_commit = off");
        let ((), moved) = tokio::try_join!(lazily, checkpoint::advance(&tx, name, from, reached))?;
        if !moved {
            let now = checkpoint::load(tx.client(), name, self.projection.effects()).await?;
            let running = now.is_none_or(|now| now.status == Status::Running);
            return Ok(Err(if running { Turn::Fenced } else { Turn::Stopped }));
        }
        let written = if good.is_empty() { Written::default() } else { self.caught(&tx, &good).await? };
        let attempts = i32::try_from(POISON_ATTEMPTS).unwrap_or(i32::MAX);
        for event in events.iter().filter(|event| aside(event, parked, poison)) {
            let own = poison.iter().find(|dead| dead.at == event.cursor);
            let error = own.map_or("behind a dead letter of its stream", |dead| &dead.error);
            checkpoint::bury(&tx, name, event, error, attempts, rule).await?;
            if rule == Poison::Halt {
                break;
            }
        }
        tx.commit().await?;
        if halt.is_some() {
            self.signal(reached, written).await;
            return Ok(Err(Turn::Stopped));
        }
        Ok(Ok(written))
    }

    /// A projection that panics is poison too, not the end of the runner.
    async fn caught(
        &self,
        tx: &deadpool_postgres::Transaction<'_>,
        good: &[Recorded],
    ) -> Result<Written, ProjectionError> {
        use futures_util::FutureExt;
        let writing = std::panic::AssertUnwindSafe(self.projection.write(tx, good)).catch_unwind().await;
        writing.unwrap_or_else(|_| match good {
            [only] => {
                Err(ProjectionError::Poison { at: only.cursor, cause: "the projection panicked".into() })
            }
            _ => Err(ProjectionError::Panicked),
        })
    }
}

fn stream_of(event: &Recorded) -> (String, String) {
    (event.aggregate_type.clone(), event.stream.as_str().to_owned())
}

/// Whether an event is poison, or behind one in its stream.
fn aside(event: &Recorded, parked: &HashSet<(String, String)>, poison: &[Dead]) -> bool {
    if parked.is_empty() && poison.is_empty() {
        return false;
    }
    let stream = stream_of(event);
    let behind = |dead: &Dead| event.cursor >= dead.at && stream == dead.stream;
    parked.contains(&stream) || poison.iter().any(behind)
}
