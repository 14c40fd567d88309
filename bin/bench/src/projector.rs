//! `projector`: the projections of todos through the real runner, in batches of 500.
//!
//! 200,000 events are in the log; the clock runs from the start of the runner until it signals the
//! last one. The floor is a COPY of as many rows into the same table at 500 a transaction, committed
//! as lazily as the runner commits. The runner also reads and decodes every event; the floor does not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use adapter_postgres::{
    PgPools, Reached, TodoChangesProjection, TodoListProjection, Wake,
    consumers::{Leases, Pace, Projection, Runner},
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
        let created = measure(servers, Mix::Created, &rows()).await?;
        report.rounds("projector", "events/s", &created, Target::Either(100_000.0, 0.6));
        let mixed = measure(servers, Mix::Changed, &rows()).await?;
        report.rounds("projector.mixed", "events/s", &mixed, Target::None);
        let changes = measure(servers, Mix::Created, &changes()).await?;
        report.rounds("projector.changes", "events/s", &changes, Target::None);
        Ok(())
    })
}

/// A projection, and the least that could write its rows.
struct Subject {
    projection: Arc<dyn Projection>,
    copy: &'static str,
    batches: Vec<Vec<u8>>,
}

fn rows() -> Subject {
    let projection = Arc::new(TodoListProjection::default());
    Subject { projection, copy: copy::ROWS, batches: copy::rows(EVENTS) }
}

fn changes() -> Subject {
    let projection = Arc::new(TodoChangesProjection::default());
    Subject { projection, copy: copy::CHANGES, batches: copy::changes(EVENTS) }
}

async fn measure(servers: &Servers, mix: Mix, subject: &Subject) -> Result<Rounds> {
    let database = Database::copy(servers, "projector").await?;
    let client = database.client().await?;
    copy::events(&client, EVENTS, mix).await?;
    database.settle().await?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        client.batch_execute(FORGET).await?;
        let floor = floor(&client, subject).await?;
        client.batch_execute(FORGET).await?;
        rounds.push(project(servers, &database, &client, &subject.projection, EVENTS).await?, floor);
    }
    database.remove().await?;
    Ok(rounds)
}

/// Rows a second.
async fn floor(client: &Client, subject: &Subject) -> Result<f64> {
    client.batch_execute("SET synchronous_commit = off").await?;
    let started = Instant::now();
    for batch in &subject.batches {
        copy::into(client, subject.copy, batch.clone()).await?;
    }
    Ok(figure(EVENTS) / started.elapsed().as_secs_f64())
}

/// Events a second, of so many that the projection reads.
pub(crate) async fn project(
    servers: &Servers,
    database: &Database,
    client: &Client,
    projection: &Arc<dyn Projection>,
    events: usize,
) -> Result<f64> {
    if let Some(leader) = projection.behind() {
        // As if the one that is followed had written everything.
        let sql = "INSERT INTO projection_checkpoints (name, tx_id, position) \
                   SELECT $1, tx_id, position FROM events ORDER BY events.tx_id DESC, events.position DESC LIMIT 1";
        client.execute(sql, &[&leader]).await?;
    }

    let redis = RedisSignals::connect(RedisSettings {
        url: servers.redis_url.clone(),
        ca_file: None,
        channel: "bench:projector".to_owned(),
    })
    .await?;
    let tap = Arc::new(Tap::new(Arc::clone(&redis)));
    let signals = Arc::clone(&tap) as Arc<dyn Signals>;
    let pools = PgPools::new(&database.settings()?)?;
    let last =
        "SELECT max(position) FROM events WHERE cardinality($1::text[]) = 0 OR aggregate_type = ANY($1)";
    let last: i64 = client.query_one(last, &[&projection.reads()]).await?.get(0);
    let runner = Runner {
        projection: Arc::clone(projection),
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
    let rate = figure(events) / started.elapsed().as_secs_f64();
    stop.cancel();
    running.await?;
    redis.close().await;
    pools.pool.close();
    Ok(rate)
}
