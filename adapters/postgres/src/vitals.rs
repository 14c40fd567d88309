//! How far consumers are behind, and how pools are used: what metrics ask at each scrape.

use application::BoxError;
use deadpool_postgres::Status;
use tokio_postgres::Row;

use crate::{consumers::Status as Running, pool::PgPools, projections::OPTIONAL};

/// One look at the end of the log, and one at the first event after each checkpoint: both are
/// answered from `events_tail`, whatever the size of the log.
const LAGS: &str = "WITH head AS (SELECT tx_id, position FROM events ORDER BY tx_id DESC, position DESC LIMIT 1) \
     SELECT c.name, c.status, COALESCE(CASE WHEN (h.tx_id, h.position) > (c.tx_id, c.position) \
                                       THEN GREATEST(h.position - c.position, 1) END, 0), \
            COALESCE((SELECT GREATEST(extract(epoch FROM clock_timestamp() - e.recorded_at), 0) FROM events e \
                      WHERE (e.tx_id, e.position) > (c.tx_id, c.position) \
                      ORDER BY e.tx_id, e.position LIMIT 1), 0)::float8 \
     FROM projection_checkpoints c LEFT JOIN head h ON true \
     WHERE c.part = 0 AND NOT (c.name = ANY($1) AND c.tx_id = '0' AND c.status = 'running') ORDER BY c.name";

/// How far a consumer is behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Lag {
    /// Which consumer.
    pub name: String,
    /// Whether it may run.
    pub running: bool,
    /// Positions between its checkpoint and the end of the log. Some of them may hold no event.
    pub events: i64,
    /// Age of the first event after its checkpoint.
    pub seconds: f64,
}

/// How a pool is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Which pool.
    pub name: &'static str,
    /// The most connections.
    pub most: usize,
    /// Those that are open.
    pub open: usize,
    /// Those that somebody works with.
    pub used: usize,
    /// Who waits for one.
    pub waiting: usize,
}

impl PoolUse {
    fn of(name: &'static str, status: &Status) -> Self {
        let used = status.size.saturating_sub(status.available);
        Self { name, most: status.max_size, open: status.size, used, waiting: status.waiting }
    }
}

/// Asks the database and its pools how they are.
pub struct PgVitals {
    pools: PgPools,
}

impl PgVitals {
    /// Of these pools, and the database behind them.
    pub fn new(pools: PgPools) -> Self {
        Self { pools }
    }

    /// How far each consumer is behind that is not off.
    pub async fn lags(&self) -> Result<Vec<Lag>, BoxError> {
        let client = self.pools.pool.get().await?;
        let statement = client.prepare_cached(LAGS).await?;
        let optional: Vec<&str> = OPTIONAL.iter().map(|(name, _)| *name).collect();
        client.query(&statement, &[&optional]).await?.iter().map(lag).collect()
    }

    /// How the pools are used. It asks nobody.
    pub fn pools(&self) -> [PoolUse; 3] {
        let loads = &self.pools.loads;
        let open = usize::try_from(loads.size()).unwrap_or(usize::MAX);
        let most = usize::try_from(loads.options().get_max_connections()).unwrap_or(usize::MAX);
        let used = open.saturating_sub(loads.num_idle());
        [
            PoolUse::of("statements", &self.pools.pool.status()),
            PoolUse::of("queries", &self.pools.readers.status()),
            PoolUse { name: "loads", most, open, used, waiting: 0 },
        ]
    }
}

fn lag(row: &Row) -> Result<Lag, BoxError> {
    Ok(Lag {
        name: row.try_get(0)?,
        running: row.try_get::<_, &str>(1)? == Running::Running.as_str(),
        events: row.try_get(2)?,
        seconds: row.try_get(3)?,
    })
}
