//! `rebuild`: read models of todos built anew beside the serving ones, from zero to serving.
//!
//! 500,000 events are in the log, and the read model that serves has written them all, so that the
//! build is also compared with it, row by row, before it serves. The rate is what the build itself
//! says of its way through the log; the floor is a COPY of as many rows into the same table, as that
//! of `projector`. `rebuild.locked` is for how long the swap locked readers out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use adapter_postgres::{
    PgPools, TodoListProjection,
    consumers::{BuildPace, Builders, Leases, PgProjectionDesk, Projection},
};
use anyhow::{Context, Result, bail};
use application::projection::{Build, BuildPhase, ProjectionAct, ProjectionDesk};
use tokio_util::sync::CancellationToken;

use crate::{
    copy::{self, Mix},
    database::Database,
    report::{Report, Target},
    rounds::{Rounds, figure},
    servers::Servers,
};

const EVENTS: usize = 500_000;
const ROUNDS: usize = 3;
const ROUND_MAX: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(servers, report))
}

async fn measure(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "rebuild").await?;
    let client = database.client().await?;
    copy::events(&client, EVENTS, Mix::Created).await?;
    database.settle().await?;
    let batches = copy::rows(EVENTS);
    let pools = PgPools::new(&database.settings()?)?;
    let projection: Arc<dyn Projection> = Arc::new(TodoListProjection::default());
    let name = projection.name();
    let desk = PgProjectionDesk::new(pools.pool.clone(), vec![Arc::clone(&projection)]);
    // What serves stands at the end of the log, with nothing in its table: every row will differ.
    let sql = "INSERT INTO projection_checkpoints (name, tx_id, position) \
               SELECT $1, tx_id, position FROM events ORDER BY events.tx_id DESC, events.position DESC LIMIT 1";
    client.execute(sql, &[&name]).await?;
    let stop = CancellationToken::new();
    let builders = Builders {
        projections: vec![projection],
        pool: pools.pool.clone(),
        connector: pools.connector.clone(),
        leases: Leases::new(pools.connector.clone()),
        pace: BuildPace::default(),
    };
    let running = tokio::spawn(builders.run(stop.clone()));
    let (mut rounds, mut whole, mut locked) = (Rounds::default(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let floor = floor(&client, &batches).await?;
        let started = Instant::now();
        desk.act(name, ProjectionAct::Rebuild).await.map_err(|error| anyhow::anyhow!(error))??;
        let build = serves(&desk, name).await?;
        whole.push(started.elapsed().as_secs_f64());
        // In the first round nothing served; in the others the build of the round before did.
        let expected = if round == 0 { i64::try_from(EVENTS)? } else { 0 };
        if build.differing != Some(expected) || build.events != i64::try_from(EVENTS)? {
            bail!("round {round}: {build:?}");
        }
        rounds.push(build.rate, floor);
        locked.extend(build.locked_ms);
    }
    stop.cancel();
    running.await?;
    report.rounds("rebuild", "events/s", &rounds, Target::Either(100_000.0, 0.6));
    report.alone("rebuild.whole", "s", whole.iter().sum::<f64>() / figure(whole.len()), Target::None);
    report.alone("rebuild.locked", "ms", locked.into_iter().fold(0.0, f64::max), Target::AtMost(100.0));
    pools.pool.close();
    database.remove().await
}

/// Rows a second, into a table of the same shape.
async fn floor(client: &tokio_postgres::Client, batches: &[Vec<u8>]) -> Result<f64> {
    let sql = "SET synchronous_commit = off; DROP TABLE IF EXISTS floor_list; \
               CREATE TABLE floor_list (LIKE todo_list INCLUDING ALL); CHECKPOINT";
    client.batch_execute(sql).await?;
    let copy = copy::ROWS.replace("COPY todo_list", "COPY floor_list");
    let started = Instant::now();
    for batch in batches {
        copy::into(client, &copy, batch.clone()).await?;
    }
    let rate = figure(EVENTS) / started.elapsed().as_secs_f64();
    client.batch_execute("DROP TABLE floor_list; CHECKPOINT").await?;
    Ok(rate)
}

/// Waits until the build serves. The rate is that of the way through the log: once it serves, what
/// it follows is no measure any more.
async fn serves(desk: &PgProjectionDesk, name: &str) -> Result<Build> {
    let mut rate = 0.0;
    let waiting = async {
        loop {
            let rows = desk.list().await.map_err(|error| anyhow::anyhow!(error))?;
            let build = rows.into_iter().find(|row| row.name == name).and_then(|row| row.build);
            let build = build.context("the build is gone")?;
            match build.phase {
                BuildPhase::Kept => return Ok(Build { rate, ..build }),
                BuildPhase::Failed => bail!("{:?}", build.error),
                BuildPhase::Building | BuildPhase::Comparing if build.events > 0 => rate = build.rate,
                _ => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(ROUND_MAX, waiting).await.context("it never serves")?
}
