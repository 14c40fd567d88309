//! Reading your own write: waits until a read model shows a position, on any node.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use application::{
    BoxError,
    ports::{Cursor, Progress, READ_WAIT, ReadModel, Signal, Signals, Visibility},
};
use async_trait::async_trait;
use deadpool_postgres::Pool;
use tokio::sync::{broadcast::error::RecvError, oneshot};

use crate::{
    projections::{passed_over, reads_of},
    xid::Xid,
};

/// A transaction that keeps the tail from moving for this long holds it back.
const HELD_AFTER: Duration = Duration::from_millis(250);
/// How often the database is asked while no signal comes; it doubles up to a limit.
const ASK_FIRST: Duration = Duration::from_millis(10);
const ASK_MAX: Duration = Duration::from_millis(100);

/// How far read models have come, as far as this process was told.
pub struct Reached {
    models: HashMap<&'static str, Model>,
}

impl Reached {
    /// Nothing told yet.
    pub fn new(models: impl IntoIterator<Item = &'static str>) -> Arc<Self> {
        Arc::new(Self { models: models.into_iter().map(|name| (name, Model::default())).collect() })
    }

    pub(crate) fn advance(&self, model: &str, to: Cursor) {
        if let Some(model) = self.models.get(model) {
            model.advance(to);
        }
    }
}

/// How far one read model has come, and who waits for it. A step wakes only those whose place it
/// reaches: under load many wait, and most of them for a later one.
#[derive(Default)]
struct Model(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    at: Cursor,
    next: u64,
    by_place: BTreeMap<(Cursor, u64), oneshot::Sender<()>>,
}

impl Model {
    fn at(&self) -> Cursor {
        self.lock().at
    }

    fn advance(&self, to: Cursor) {
        let mut waiting = self.lock();
        if to <= waiting.at {
            return;
        }
        waiting.at = to;
        let later = waiting.by_place.split_off(&(to, u64::MAX));
        let there = std::mem::replace(&mut waiting.by_place, later);
        drop(waiting);
        for told in there.into_values() {
            // Who waited may have given up.
            let _ = told.send(());
        }
    }

    /// `None`: it is there already.
    fn wait(&self, cursor: Cursor) -> Option<Waiter<'_>> {
        let mut waiting = self.lock();
        if waiting.at >= cursor {
            return None;
        }
        let (sender, told) = oneshot::channel();
        let place = (cursor, waiting.next);
        waiting.next += 1;
        waiting.by_place.insert(place, sender);
        Some(Waiter { model: self, place, told })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits, until it is dropped.
struct Waiter<'a> {
    model: &'a Model,
    place: (Cursor, u64),
    told: oneshot::Receiver<()>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.model.lock().by_place.remove(&self.place);
    }
}

/// The oldest open transaction, and since when it is that one.
#[derive(Debug, Clone, Copy)]
struct Open {
    tx: u64,
    since: Instant,
    asked: Instant,
}

/// Waits by signal, and asks the database where none comes.
pub struct PgProgress {
    pool: Pool,
    reached: Arc<Reached>,
    open: Mutex<Option<Open>>,
}

impl PgProgress {
    /// Progress as `reached` and this database tell it.
    pub fn new(pool: Pool, reached: Arc<Reached>) -> Arc<Self> {
        Arc::new(Self { pool, reached, open: Mutex::new(None) })
    }

    /// Learns from the signals of other processes, until the wire is closed for good.
    pub async fn run(self: Arc<Self>, signals: Arc<dyn Signals>) {
        let mut hints = signals.subscribe();
        loop {
            match hints.recv().await {
                Ok(Signal::Projected { model, reached, .. }) => self.reached.advance(&model, reached),
                Ok(Signal::Appended { .. }) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Whether the model shows the position. A checkpoint stands at the last event the model
    /// reads; a position behind it is shown too when no such event lies between, or only some that it
    /// passes over.
    async fn ask(&self, model: ReadModel, cursor: Cursor) -> Result<bool, BoxError> {
        let client = self.pool.get().await?;
        let sql = "WITH c AS (SELECT tx_id, position FROM projection_checkpoints WHERE name = $1 AND part = 0), \
                   x AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) \
                   SELECT x.xmin, COALESCE((c.tx_id, c.position) >= ($2::xid8, $3::bigint), false) \
                     OR ($2::xid8 < x.xmin AND NOT EXISTS (SELECT FROM events e \
                       WHERE (e.tx_id, e.position) > (COALESCE(c.tx_id, '0'), COALESCE(c.position, 0)) \
                       AND (e.tx_id, e.position) <= ($2::xid8, $3::bigint) \
                       AND (cardinality($4::text[]) = 0 OR e.aggregate_type = ANY($4)) AND e.event_type <> ALL($5::text[]))) \
                   FROM x LEFT JOIN c ON true";
        let statement = client.prepare_cached(sql).await?;
        let (reads, over) = (reads_of(model), passed_over(model));
        let row = client
            .query_one(&statement, &[&model.name(), &Xid(cursor.tx), &cursor.position, &reads, &over])
            .await?;
        self.saw(row.try_get::<_, Xid>(0)?.0);
        Ok(row.try_get(1)?)
    }

    fn saw(&self, tx: u64) {
        let now = Instant::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let since =
            open.filter(|open| open.tx == tx && now - open.asked < READ_WAIT).map_or(now, |open| open.since);
        *open = Some(Open { tx, since, asked: now });
    }

    /// Whether one and the same transaction has kept the tail from `cursor` for a while.
    fn held(&self, cursor: Cursor) -> bool {
        let open = *self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.is_some_and(|open| open.tx <= cursor.tx && open.asked - open.since >= HELD_AFTER)
    }
}

#[async_trait]
impl Progress for PgProgress {
    async fn reach(&self, model: ReadModel, cursor: Cursor) -> Visibility {
        let Some(told) = self.reached.models.get(model.name()) else { return Visibility::Late };
        let Some(mut waiter) = told.wait(cursor) else { return Visibility::Shown };
        let mut heard = told.at();
        let deadline = tokio::time::Instant::now() + READ_WAIT;
        // Known to be held: ask once whether it still is, and do not wait.
        let mut pause = if self.held(cursor) { Duration::ZERO } else { ASK_FIRST };
        loop {
            tokio::select! {
                // The sender stays until the place is reached.
                _ = &mut waiter.told => return Visibility::Shown,
                () = tokio::time::sleep(pause) => {}
                () = tokio::time::sleep_until(deadline) => return Visibility::Late,
            }
            // While word comes that the model goes on, there is nothing to ask.
            let at = told.at();
            if at > heard {
                heard = at;
                continue;
            }
            match self.ask(model, cursor).await {
                Ok(true) => return Visibility::Shown,
                Ok(false) if self.held(cursor) => return Visibility::Held,
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "the progress of a read model cannot be asked for"),
            }
            if tokio::time::Instant::now() >= deadline {
                return Visibility::Late;
            }
            pause = (pause * 2).clamp(ASK_FIRST, ASK_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: i64) -> Cursor {
        Cursor { tx: 7, position }
    }

    fn waiting(model: &Model) -> usize {
        model.lock().by_place.len()
    }

    #[test]
    fn a_step_wakes_only_those_whose_place_it_reaches() {
        let model = Model::default();
        let mut waiters = [1, 2, 2, 3].map(|position| model.wait(at(position)).unwrap());
        model.advance(at(2));
        let woken = waiters.each_mut().map(|waiter| waiter.told.try_recv().is_ok());
        assert_eq!(woken, [true, true, true, false]);
        assert_eq!(waiting(&model), 1);
        assert!(model.wait(at(2)).is_none(), "it is there");
    }

    #[test]
    fn a_step_back_changes_nothing() {
        let model = Model::default();
        model.advance(at(3));
        let mut waiter = model.wait(at(4)).unwrap();
        model.advance(at(2));
        assert_eq!(model.at(), at(3));
        assert!(waiter.told.try_recv().is_err());
    }

    #[test]
    fn who_gives_up_leaves_nothing_behind() {
        let model = Model::default();
        let waiters = [1, 1, 2].map(|position| model.wait(at(position)).unwrap());
        drop(waiters);
        assert_eq!(waiting(&model), 0);
    }
}
