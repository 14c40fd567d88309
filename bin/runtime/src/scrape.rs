//! Metrics for Prometheus, on a port of their own that the load balancer does not reach.
//!
//! What happens is counted where it happens (`application::meter`). What stands somewhere (lag,
//! depth, pools) is asked for at each scrape; what does not answer in time is not shown at all, never
//! as the number of before.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use adapter_postgres::{PgSeals, PgVitals, jobs::PgJobBoard};
use adapter_web::{ServeLimits, serve};
use application::{
    BoxError,
    jobs::{JobBoard, JobCount},
    meter,
    ports::Signals,
    proofs::Seals,
};
use poem::{
    Endpoint, Request, Response,
    http::{Method, StatusCode},
};
use thiserror::Error;
use tokio::{net::TcpListener, sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    compose::Node,
    settings::{MetricsPort, Settings},
};

/// Where the metrics are.
const PATH: &str = "/metrics";
/// The text format that every Prometheus reads.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The longest a scrape waits for the database.
const ASK_MAX: Duration = Duration::from_secs(2);
/// The database is asked once in this time, however often somebody scrapes.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Scrapers at once.
const CONNECTIONS_MAX: usize = 32;

/// Why nothing is measured.
#[derive(Debug, Error)]
pub(crate) enum MetricsError {
    #[error("cannot listen for metrics on port {port}: {cause}")]
    Listen { port: u16, cause: std::io::Error },
}

/// Records from now on, and shows what was recorded until `stop`. Without a port that somebody
/// named, one that is taken only costs the metrics.
pub(crate) async fn metrics(
    node: &Node,
    settings: &Settings,
    stop: CancellationToken,
) -> Result<(), MetricsError> {
    let MetricsPort { port, named } = settings.metrics;
    let listener = match TcpListener::bind(("0.0.0.0", port)).await {
        Ok(listener) => listener,
        Err(cause) if named => return Err(MetricsError::Listen { port, cause }),
        Err(cause) => {
            tracing::warn!(%cause, port, "no metrics: the port is taken; METRICS_PORT names another one");
            return Ok(());
        }
    };
    meter::BUILD.count(1, [env!("CARGO_PKG_VERSION")]);
    let scrape = Scrape {
        vitals: PgVitals::new(node.pools.clone()),
        board: Arc::new(PgJobBoard::new(node.pools.pool.clone())),
        signals: Arc::clone(&node.signals) as _,
        // Where nobody seals, nothing is behind.
        seals: settings.seals.key.as_ref().map(|_| PgSeals::new(node.pools.pool.clone())),
        asked: Mutex::default(),
    };
    let limits = ServeLimits { connections: CONNECTIONS_MAX, ..ServeLimits::default() };
    tokio::spawn(serve(listener, scrape, limits, stop));
    tracing::info!("metrics at http://localhost:{port}{PATH}");
    Ok(())
}

/// Answers a scrape.
struct Scrape {
    vitals: PgVitals,
    board: Arc<dyn JobBoard>,
    signals: Arc<dyn Signals>,
    seals: Option<PgSeals>,
    /// When the database was asked. One scrape asks and shows at a time.
    asked: Mutex<Option<Instant>>,
}

impl Endpoint for Scrape {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.uri().path() != PATH {
            return Ok(StatusCode::NOT_FOUND.into());
        }
        if request.method() != Method::GET {
            return Ok(StatusCode::METHOD_NOT_ALLOWED.into());
        }
        let mut asked = self.asked.lock().await;
        if asked.is_none_or(|at| at.elapsed() >= ASK_EVERY) {
            self.ask().await;
            *asked = Some(Instant::now());
        }
        Ok(match meter::render() {
            Ok(text) => Response::builder().content_type(FORMAT).body(text),
            Err(error) => {
                tracing::warn!(error, "metrics cannot be shown");
                StatusCode::INTERNAL_SERVER_ERROR.into()
            }
        })
    }
}

impl Scrape {
    async fn ask(&self) {
        for pool in self.vitals.pools() {
            meter::POOL_MAX.count(whole(pool.most), [pool.name]);
            meter::POOL_OPEN.count(whole(pool.open), [pool.name]);
            meter::POOL_USED.count(whole(pool.used), [pool.name]);
            meter::POOL_WAITING.count(whole(pool.waiting), [pool.name]);
        }
        meter::RELAY_UP.count(i64::from(self.signals.connected()), []);
        let (lags, jobs) = tokio::join!(within(self.vitals.lags()), within(self.board.stats()));
        meter::DATABASE_UP.count(i64::from(lags.is_some() && jobs.is_some()), []);
        if let Some(seals) = &self.seals {
            ask_seals(seals).await;
        }
        for gauge in [&meter::PROJECTION_LAG, &meter::PROJECTION_AGE, &meter::PROJECTION_RUNS] {
            gauge.clear();
        }
        for lag in lags.unwrap_or_default() {
            meter::PROJECTION_LAG.count(lag.events, [&lag.name]);
            meter::PROJECTION_AGE.set(lag.seconds, [&lag.name]);
            meter::PROJECTION_RUNS.count(i64::from(lag.running), [&lag.name]);
        }
        for gauge in [&meter::JOBS, &meter::JOB_AGE] {
            gauge.clear();
        }
        for JobCount { name, state, jobs, oldest_ms } in jobs.unwrap_or_default() {
            let (queue, kind) = name.split_once(':').unwrap_or((&name, ""));
            let oldest = Duration::from_millis(oldest_ms.unsigned_abs());
            meter::JOBS.count(jobs, [queue, kind, state.name()]);
            meter::JOB_AGE.set(oldest.as_secs_f64(), [queue, kind, state.name()]);
        }
    }
}

async fn ask_seals(seals: &PgSeals) {
    for gauge in [&meter::SEALING_LAG, &meter::SEALING_AGE] {
        gauge.clear();
    }
    if let Some(lag) = within(seals.lag()).await {
        meter::SEALING_LAG.count(i64::try_from(lag.events).unwrap_or(i64::MAX), []);
        meter::SEALING_AGE.set(lag.seconds, []);
    }
}

/// What came in time.
async fn within<T>(asking: impl Future<Output = Result<T, BoxError>>) -> Option<T> {
    match timeout(ASK_MAX, asking).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(error, "metrics could not be read from the database");
            None
        }
        Err(_) => None,
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
