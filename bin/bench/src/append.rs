//! `append`: one event to a new aggregate, 32 workers, default durability.
//!
//! The floor is `pgbench` with 32 clients: a prepared one-row INSERT of a row of the same size into
//! the same table. It sends what a client has to send, the row as parameters, and nothing else.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use adapter_postgres::{PgEventLog, PgPools, Wake};
use adapter_redis::{RedisSettings, RedisSignals};
use anyhow::{Context, Result};
use application::ports::{Entropy, EventLog};
use domain::TodoId;
use runtime::SystemEntropy;

use crate::{
    children::folder,
    database::Database,
    events::{self, Extra, Owner},
    pgbench::Pgbench,
    report::{Report, Target},
    rounds::{ROUNDS, Rounds, figure},
    servers::Servers,
};

const WORKERS: usize = 32;
const ROUND: Duration = Duration::from_secs(4);
/// Before the first round: connections, prepared statements, the first extension of the files.
const WARM_UP: Duration = Duration::from_secs(1);

/// Numbers the todos: a text has to be new to its owner, in every round.
static NEXT: AtomicUsize = AtomicUsize::new(1_000_000_000);

/// Ids grow with time over all clients, like ours: neither side spreads its index pages.
const SCRIPT: &str = "\\set n :n + 1\n\
    \\set id :base + :n * 32 + :client_id\n\
    INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
    VALUES ('todo', :tenant::text || '/01900000-0000-7000-8000-' || :id::text, 1, 'todo.created', '1', \
    :payload::jsonb, :metadata::jsonb);\n";

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(servers, report))
}

async fn measure(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "append").await?;
    let signals = RedisSignals::connect(RedisSettings {
        url: servers.redis_url.clone(),
        ca_file: None,
        channel: "bench:append".to_owned(),
    })
    .await?;
    let pools = PgPools::new(&database.settings()?)?;
    let wake = Wake::new(Arc::clone(&signals) as _);
    let log: Arc<dyn EventLog> = Arc::new(PgEventLog::new(&pools, wake));
    let folder: PathBuf = folder()?;
    let pgbench = Pgbench::new(servers, &database.url, &folder, SCRIPT)?;
    let (mut plain, mut whole, mut crowded) = (Rounds::default(), Rounds::default(), Rounds::default());
    flood(&log, Extra::Nothing, WORKERS, WARM_UP).await?;
    insert(&pgbench, 0, WARM_UP)?;
    for round in 1..=ROUNDS {
        let floor = insert(&pgbench, round, ROUND)?;
        plain.push(flood(&log, Extra::Nothing, WORKERS, ROUND).await?, floor);
        whole.push(flood(&log, Extra::ClaimAndNumber, WORKERS, ROUND).await?, floor);
        crowded.push(flood(&log, Extra::ClaimAndNumber, 1, ROUND).await?, floor);
    }
    report.rounds("append", "events/s", &plain, Target::RatioAtLeast(0.75));
    report.rounds("append.claim-and-number", "events/s", &whole, Target::None);
    report.rounds("append.claim-and-number-one-tenant", "events/s", &crowded, Target::None);
    signals.close().await;
    pools.pool.close();
    database.remove().await
}

/// Events a second of 32 workers, who are people of so many tenants.
async fn flood(log: &Arc<dyn EventLog>, extra: Extra, tenants: usize, time: Duration) -> Result<f64> {
    let started = Instant::now();
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let log = Arc::clone(log);
            let owner = Owner::numbered(worker % tenants, worker);
            tokio::spawn(async move {
                let metadata = events::metadata(owner)?;
                let mut done = 0;
                while started.elapsed() < time {
                    let todo = TodoId(SystemEntropy.id());
                    let number = NEXT.fetch_add(1, Ordering::Relaxed);
                    log.append(events::unit(owner, todo, number, extra, &metadata)?).await?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut events = 0;
    for worker in workers {
        events += worker.await.context("a worker panicked")??;
    }
    Ok(figure(events) / started.elapsed().as_secs_f64())
}

fn insert(pgbench: &Pgbench, round: usize, time: Duration) -> Result<f64> {
    let owner = Owner::numbered(0, 0);
    let metadata = events::metadata(owner)?;
    let sample = events::unit(owner, TodoId(events::id(5, 1)), 1_000_000_000, Extra::Nothing, &metadata)?;
    let payload =
        sample.appends.first().and_then(|append| append.events.first()).map(|event| event.payload.get());
    let variables = [
        ("n", "0".to_owned()),
        ("base", (100_000_000_000 + round * 10_000_000_000).to_string()),
        ("tenant", owner.tenant.to_string()),
        ("payload", payload.unwrap_or_default().to_owned()),
        ("metadata", metadata.get().to_owned()),
    ];
    tokio::task::block_in_place(|| pgbench.run(WORKERS, time, &variables))
}
