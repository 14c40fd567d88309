//! Writing one batch: what cannot be written is tried again, then put aside.

use std::borrow::Cow;

use application::{BoxError, ports::Cursor};
use deadpool_postgres::{Client, Transaction};
use futures_util::{FutureExt, future::try_join_all};

use super::{
    COPY_ROWS_MIN, Poison, Projection, ProjectionError, Runner, Written,
    checkpoint::{self, Status},
    letters::{self, Aside, Dead},
    seat::Rider,
    traced::Traced,
};
use crate::{BoxedError, log::Recorded};

/// How often one event is tried before it is poison.
const POISON_ATTEMPTS: u32 = 3;

/// Why a turn ended.
pub(super) enum Turn {
    /// The checkpoint is not where we left it.
    Fenced,
    /// The status is not running.
    Stopped,
}

/// A batch to be written.
pub(super) struct Job<'a> {
    /// The checkpoint before it.
    pub(super) from: Cursor,
    pub(super) events: &'a [Recorded],
    /// The checkpoint after it.
    pub(super) to: Cursor,
    /// For whom it is written too.
    pub(super) riders: Vec<Rider>,
    /// The traces that led to it.
    pub(super) traced: Traced,
}

impl<'a> Job<'a> {
    /// It is about to be written.
    pub(super) fn new(from: Cursor, events: &'a [Recorded], to: Cursor, riders: Vec<Rider>) -> Self {
        Self { from, events, to, riders, traced: Traced::begin(events) }
    }

    /// It is written: what it led to, for each consumer that it was written for.
    pub(super) fn came(self, own: Written, name: &'static str) -> Vec<(&'static str, Written)> {
        let to = self.to;
        let others = self.riders.into_iter().map(|rider| (rider.projection().name(), rider.came(to)));
        let mut all: Vec<(&'static str, Written)> = others.chain([(name, own)]).collect();
        for (name, written) in &mut all {
            self.traced.wrote(name, &mut written.changes);
        }
        all
    }
}

impl Runner {
    /// Writes a batch; what cannot be written is tried again, then put aside.
    pub(super) async fn write(
        &self,
        client: &mut Client,
        job: &mut Job<'_>,
        aside: &mut Aside,
    ) -> Result<Result<Written, Turn>, BoxError> {
        let mut poison: Vec<Dead> = Vec::new();
        let mut attempts = 0;
        let events = job.events;
        loop {
            match self.attempt(client, job, aside, &poison).await {
                Ok(done) => {
                    if self.projection.poison() == Poison::Park {
                        aside.streams.extend(poison.into_iter().map(|dead| dead.stream));
                    }
                    return Ok(done);
                }
                // Whoever it was: each goes on by itself.
                Err(error) if !job.riders.is_empty() => {
                    let name = self.projection.name();
                    tracing::debug!(error = %BoxedError(&error), consumer = name, "a batch is written without riders");
                    job.riders.drain(..).for_each(Rider::put_off);
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
                    poison.push(Dead { at, stream: letters::stream_of(event), error });
                }
                Err(ProjectionError::Panicked) => return self.one_by_one(client, job, aside).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Finds the event that makes the projection panic: it alone is poison.
    async fn one_by_one(
        &self,
        client: &mut Client,
        job: &Job<'_>,
        aside: &mut Aside,
    ) -> Result<Result<Written, Turn>, BoxError> {
        let mut all = Written::default();
        let mut from = job.from;
        for event in job.events {
            let events = std::slice::from_ref(event);
            let mut one =
                Job { from, events, to: event.cursor, riders: Vec::new(), traced: Traced::default() };
            match Box::pin(self.write(client, &mut one, aside)).await? {
                Ok(written) => {
                    all.changes.extend(written.changes);
                    all.bell = written.bell.or(all.bell);
                }
                Err(turn) => {
                    self.signal(self.projection.name(), from, all).await;
                    return Ok(Err(turn));
                }
            }
            from = event.cursor;
        }
        Ok(Ok(all))
    }

    async fn attempt(
        &self,
        client: &mut Client,
        job: &mut Job<'_>,
        aside: &Aside,
        poison: &[Dead],
    ) -> Result<Result<Written, Turn>, ProjectionError> {
        let (name, rule) = (self.projection.name(), self.projection.poison());
        let Job { from, events, to, .. } = *job;
        let tx = client.transaction().await?;
        let halt = poison.first().filter(|_| rule == Poison::Halt).map(|dead| dead.at);
        let good: Cow<'_, [Recorded]> = if poison.is_empty() && aside.is_empty() {
            events.into()
        } else {
            let before_halt = events.iter().take_while(|event| halt.is_none_or(|halt| event.cursor < halt));
            let good = before_halt.filter(|event| !aside.discards(event) && !aside.holds(event, poison));
            good.cloned().collect()
        };
        let reached = match halt {
            // Not the last good one: an event that was discarded is passed over too.
            Some(halt) => {
                events.iter().map(|event| event.cursor).take_while(|at| *at < halt).last().unwrap_or(from)
            }
            None => to,
        };
        if !fence(&tx, name, job, reached, good.len()).await? {
            let now = checkpoint::load(tx.client(), name, self.projection.effects()).await?;
            let running = now.is_none_or(|now| now.status == Status::Running);
            return Ok(Err(if running { Turn::Fenced } else { Turn::Stopped }));
        }
        let written = if good.is_empty() {
            Written::default()
        } else {
            self.written(&tx, &good, &mut job.riders).await?
        };
        let attempts = i32::try_from(POISON_ATTEMPTS).unwrap_or(i32::MAX);
        for event in events.iter().filter(|event| !aside.discards(event) && aside.holds(event, poison)) {
            let own = poison.iter().find(|dead| dead.at == event.cursor);
            let error = own.map_or("behind a dead letter of its stream", |dead| &dead.error);
            letters::bury(&tx, name, event, error, attempts, rule).await?;
            if rule == Poison::Halt {
                break;
            }
        }
        if aside.owes && halt.is_none() {
            letters::settled(&tx, name, reached).await?;
        }
        tx.commit().await?;
        if halt.is_some() {
            self.signal(name, reached, written).await;
            return Ok(Err(Turn::Stopped));
        }
        Ok(Ok(written))
    }

    /// Writes the batch for this consumer and for those that ride with it.
    async fn written(
        &self,
        tx: &Transaction<'_>,
        good: &[Recorded],
        riders: &mut [Rider],
    ) -> Result<Written, ProjectionError> {
        let own = caught(self.projection.as_ref(), tx, good);
        if good.len() < COPY_ROWS_MIN {
            // Their statements share the round trips.
            let (own, ()) = tokio::try_join!(own, along(riders, tx, good))?;
            return Ok(own);
        }
        // A COPY has its savepoint, and savepoints do not mix.
        let own = own.await?;
        along(riders, tx, good).await?;
        Ok(own)
    }
}

/// Moves the checkpoints: whether that of the consumer itself was where it left it.
async fn fence(
    tx: &Transaction<'_>,
    name: &str,
    job: &mut Job<'_>,
    reached: Cursor,
    events: usize,
) -> Result<bool, tokio_postgres::Error> {
    // All of it goes out at once, in this order.
    let lazily = tx.batch_execute("SET LOCAL synchronous_commit = off");
    let own = checkpoint::advance(tx, name, job.from, reached, events);
    let advance =
        |rider: &Rider| checkpoint::advance(tx, rider.projection().name(), rider.from, reached, events);
    let theirs = try_join_all(job.riders.iter().map(advance));
    let ((), moved, along) = tokio::try_join!(lazily, own, theirs)?;
    // Where another runner was, or an operator, the rider has to find that out by itself.
    for (rider, moved) in std::mem::take(&mut job.riders).into_iter().zip(along) {
        if moved { job.riders.push(rider) } else { rider.put_off() }
    }
    Ok(moved)
}

async fn along(riders: &mut [Rider], tx: &Transaction<'_>, good: &[Recorded]) -> Result<(), ProjectionError> {
    for rider in riders {
        rider.written = caught(rider.projection(), tx, good).await?;
    }
    Ok(())
}

/// A projection that panics is poison too, not the end of the runner.
pub(super) async fn caught(
    projection: &dyn Projection,
    tx: &Transaction<'_>,
    good: &[Recorded],
) -> Result<Written, ProjectionError> {
    let writing = std::panic::AssertUnwindSafe(projection.write(tx, good)).catch_unwind().await;
    writing.unwrap_or_else(|_| match good {
        [only] => Err(ProjectionError::Poison { at: only.cursor, cause: "the projection panicked".into() }),
        _ => Err(ProjectionError::Panicked),
    })
}
