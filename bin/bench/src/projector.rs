//! `projector`: the projection of todos through the real runner, in batches of 500.
//!
//! 200,000 events are in the log; the clock runs from the start of the runner until it signals the
//! last one. The floor is a COPY of as many rows into `todo_list` at 500 a transaction, committed as
//! lazily as the runner commits. The runner writes a second table beside it (the changes), and reads
//! and decodes every event; the floor does neither.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use adapter_postgres::{
    PgPools, Reached, TodoListProjection, Wake,
    consumers::{Leases, Pace, Runner},
};
use adapter_redis::{RedisSettings, RedisSignals};
use anyhow::{Context, Result};
use application::ports::{ReadModel, Signals};
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::{
    copy::{self, Mix},
    database::Database,
    report::{Report, Target},
    rounds::{Rounds, figure},
    servers::Servers,
    tap::Tap,
};

pub(crate) const EVENTS: usize = 200_000;
const ROUNDS: usize = 5;
const ROUND_MAX: Duration = Duration::from_mins(2);
/// Everything the runner wrote, and how far it came.
const FORGET: &str = "TRUNCATE todo_list, todo_changes, projection_checkpoints; CHECKPOINT";

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let created = measure(servers, Mix::Created).await?;
        report.rounds("projector", "events/s", &created, Target::Either(100_000.0, 0.6));
        let mixed = measure(servers, Mix::Changed).await?;
        report.rounds("projector.mixed", "events/s", &mixed, Target::None);
        Ok(())
    })
}

async fn measure(servers: &Servers, mix: Mix) -> Result<Rounds> {
    let database = Database::copy(servers, "projector").await?;
    let client = database.client().await?;
    copy::events(&client, EVENTS, mix).await?;
    database.settle().await?;
    let rows = copy::rows(EVENTS);
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        client.batch_execute(FORGET).await?;
        let floor = floor(&client, &rows).await?;
        client.batch_execute(FORGET).await?;
        rounds.push(project(servers, &database, &client).await?, floor);
    }
    database.remove().await?;
    Ok(rounds)
}

/// Rows a second.
async fn floor(client: &Client, rows: &[Vec<u8>]) -> Result<f64> {
    client.batch_execute("SET synchronous_commit = off").await?;
    let started = Instant::now();
    for batch in rows {
        copy::into(client, copy::ROWS, batch.clone()).await?;
    }
    Ok(figure(EVENTS) / started.elapsed().as_secs_f64())
}

/// Events a second.
async fn project(servers: &Servers, database: &Database, client: &Client) -> Result<f64> {
    let redis = RedisSignals::connect(RedisSettings {
        url: servers.redis_url.clone(),
        ca_file: None,
        channel: "bench:projector".to_owned(),
    })
    .await?;
    let tap = Arc::new(Tap::new(Arc::clone(&redis)));
    let signals = Arc::clone(&tap) as Arc<dyn Signals>;
    let pools = PgPools::new(&database.settings()?)?;
    let last: i64 = client.query_one("SELECT max(position) FROM events", &[]).await?.get(0);
    let runner = Runner {
        projection: Arc::new(TodoListProjection::default()),
        pool: pools.pool.clone(),
        leases: Leases::new(pools.connector.clone()),
        wake: Wake::new(Arc::clone(&signals)),
        signals,
        reached: Reached::new([ReadModel::TodoList.name()]),
        pace: Pace::default(),
    };
    let stop = CancellationToken::new();
    let started = Instant::now();
    let running = tokio::spawn(runner.run(stop.clone()));
    timeout(ROUND_MAX, tap.reached(last)).await.context("the runner does not reach the end")?;
    let rate = figure(EVENTS) / started.elapsed().as_secs_f64();
    stop.cancel();
    running.await?;
    redis.close().await;
    pools.pool.close();
    Ok(rate)
}
