//! Reading your own write: waits until a read model shows a position, on any node.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use application::{
    BoxError,
    ports::{Cursor, Progress, READ_WAIT, ReadModel, Signal, Signals, Visibility},
};
use async_trait::async_trait;
use deadpool_postgres::Pool;
use tokio::sync::{broadcast::error::RecvError, watch};

use crate::{projections::reads_of, xid::Xid};

/// A transaction that keeps the tail from moving for this long holds it back.
const HELD_AFTER: Duration = Duration::from_millis(250);
/// How often the database is asked while no signal comes; it doubles up to a limit.
const ASK_FIRST: Duration = Duration::from_millis(10);
const ASK_MAX: Duration = Duration::from_millis(100);

/// How far read models have come, as far as this process was told.
pub struct Reached {
    models: HashMap<&'static str, watch::Sender<Cursor>>,
}

impl Reached {
    /// Nothing told yet.
    pub fn new(models: impl IntoIterator<Item = &'static str>) -> Arc<Self> {
        let models = models.into_iter().map(|name| (name, watch::channel(Cursor::default()).0)).collect();
        Arc::new(Self { models })
    }

    pub(crate) fn advance(&self, model: &str, to: Cursor) {
        if let Some(sender) = self.models.get(model) {
            sender.send_if_modified(|at| {
                let ahead = to > *at;
                *at = (*at).max(to);
                ahead
            });
        }
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
    /// reads; a position behind it is shown too when no such event lies between.
    async fn ask(&self, model: ReadModel, cursor: Cursor) -> Result<bool, BoxError> {
        let client = self.pool.get().await?;
        let sql = "WITH c AS (SELECT tx_id, position FROM projection_checkpoints WHERE name = $1 AND part = 0), \
                   x AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) \
                   SELECT x.xmin, COALESCE((c.tx_id, c.position) >= ($2::xid8, $3::bigint), false) \
                     OR ($2::xid8 < x.xmin AND NOT EXISTS (SELECT FROM events e \
                       WHERE (e.tx_id, e.position) > (COALESCE(c.tx_id, '0'), COALESCE(c.position, 0)) \
                       AND (e.tx_id, e.position) <= ($2::xid8, $3::bigint) \
                       AND (cardinality($4::text[]) = 0 OR e.aggregate_type = ANY($4)))) \
                   FROM x LEFT JOIN c ON true";
        let statement = client.prepare_cached(sql).await?;
        let reads = reads_of(model);
        let row =
            client.query_one(&statement, &[&model.name(), &Xid(cursor.tx), &cursor.position, &reads]).await?;
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
        let Some(sender) = self.reached.models.get(model.name()) else { return Visibility::Late };
        let mut told = sender.subscribe();
        if *told.borrow() >= cursor {
            return Visibility::Shown;
        }
        let deadline = tokio::time::Instant::now() + READ_WAIT;
        // Known to be held: ask once whether it still is, and do not wait.
        let mut pause = if self.held(cursor) { Duration::ZERO } else { ASK_FIRST };
        loop {
            let wait = tokio::time::sleep(pause);
            tokio::select! {
                shown = async { told.wait_for(|at| *at >= cursor).await.is_ok() } => {
                    return if shown { Visibility::Shown } else { Visibility::Late };
                }
                () = wait => match self.ask(model, cursor).await {
                    Ok(true) => return Visibility::Shown,
                    Ok(false) if self.held(cursor) => return Visibility::Held,
                    Ok(false) => {}
                    Err(error) => tracing::debug!(%error, "the progress of a read model cannot be asked for"),
                },
                () = tokio::time::sleep_until(deadline) => return Visibility::Late,
            }
            if tokio::time::Instant::now() >= deadline {
                return Visibility::Late;
            }
            pause = (pause * 2).clamp(ASK_FIRST, ASK_MAX);
        }
    }
}
