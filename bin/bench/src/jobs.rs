//! `jobs`: the queue through the real runner, eight at a time as in production, with jobs that do
//! nothing.
//!
//! Throughput: 10,000 jobs are in the queue; the clock runs from the start of the worker until the
//! queue is empty. Each must have run exactly once. The floor takes as many rows from a table of ids
//! over as many connections, one statement each, and does nothing with them; the queue takes two
//! statements a job (claimed, done), and survives its worker. Start: from the commit of one job to its first
//! line, with the worker idle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use adapter_postgres::{
    PgPools,
    jobs::{Bell, JobPace, JobQueue, JobRunner},
};
use anyhow::{Result, anyhow, ensure};
use application::jobs::{Attempt, Job, JobFailure, NewJob, Perform, Queue};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    database::Database,
    report::{Report, Target},
    rounds::{Rounds, figure},
    servers::Servers,
};

const JOBS: usize = 10_000;
const ROUNDS: usize = 5;
/// Jobs put into the queue at once.
const BATCH: usize = 1_000;
const STARTS: usize = 200;
/// Longer than any start takes, so that each job finds the worker idle.
const BETWEEN_STARTS: Duration = Duration::from_millis(20);
const ROUND_MAX: Duration = Duration::from_mins(2);
/// Takes one row, as a queue of one statement would.
const TAKE: &str =
    "DELETE FROM bare_jobs WHERE id = (SELECT id FROM bare_jobs ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1)";

#[derive(Serialize, Deserialize)]
struct Nothing {
    n: usize,
}

impl Job for Nothing {
    const NAME: &'static str = "bench:nothing";
    const QUEUE: Queue = Queue {
        name: "bench",
        tries: 3,
        first_pause: Duration::from_secs(5),
        run_max: Duration::from_mins(1),
    };
}

/// When each job began, and how often.
struct Starts {
    runs: Mutex<HashMap<usize, usize>>,
    began: mpsc::UnboundedSender<Instant>,
}

impl Perform<Nothing> for Arc<Starts> {
    async fn perform(&self, job: Nothing, _: &Attempt) -> Result<(), JobFailure> {
        let now = Instant::now();
        *self.runs.lock().unwrap_or_else(PoisonError::into_inner).entry(job.n).or_default() += 1;
        self.began.send(now).map_err(|error| JobFailure::Never(error.into()))
    }
}

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = Database::copy(servers, "jobs").await?;
        let mut rounds = Rounds::default();
        for _ in 0..ROUNDS {
            let floor = floor(&database).await?;
            rounds.push(throughput(&database).await?, floor);
        }
        report.rounds("jobs", "jobs/s", &rounds, Target::Either(2_000.0, 1.0));
        let start = start(&database).await?;
        report.alone("jobs.start", "ms", start, Target::AtMost(20.0));
        database.remove().await
    })
}

struct Bench {
    pools: PgPools,
    queue: JobQueue,
    bell: Arc<Bell>,
    starts: Arc<Starts>,
    began: mpsc::UnboundedReceiver<Instant>,
}

impl Bench {
    fn on(database: &Database) -> Result<Self> {
        let pools = PgPools::new(&database.settings()?)?;
        let bell = Bell::new();
        let (sender, began) = mpsc::unbounded_channel();
        let starts = Arc::new(Starts { runs: Mutex::default(), began: sender });
        Ok(Self { queue: JobQueue::new(&pools.pool, &bell), pools, bell, starts, began })
    }

    async fn put(&self, numbers: std::ops::Range<usize>) -> Result<()> {
        let mut client = self.pools.pool.get().await?;
        let tx = client.transaction().await?;
        let jobs: Result<Vec<NewJob>, _> =
            numbers.map(|n| NewJob::of(&Nothing { n }, &n.to_string())).collect();
        self.queue.put(&tx, jobs?).await.map_err(|error| anyhow!(error))?;
        Ok(tx.commit().await?)
    }

    /// A worker as a process has one.
    fn work(&self) -> (tokio::task::JoinHandle<()>, CancellationToken) {
        let (pool, bell) = (self.pools.pool.clone(), Arc::clone(&self.bell));
        let runner = JobRunner::new(Arc::clone(&self.starts), pool, bell, JobPace::default());
        let stop = CancellationToken::new();
        (tokio::spawn(runner.kind::<Nothing>().run(stop.clone())), stop)
    }
}

/// Jobs a second.
async fn throughput(database: &Database) -> Result<f64> {
    let mut bench = Bench::on(database)?;
    for batch in 0..JOBS / BATCH {
        bench.put(batch * BATCH..(batch + 1) * BATCH).await?;
    }
    let started = Instant::now();
    let (worker, stop) = bench.work();
    for _ in 0..JOBS {
        tokio::time::timeout(ROUND_MAX, bench.began.recv()).await?;
    }
    let client = database.client().await?;
    while client.query_one("SELECT count(*) FROM graphile_worker.jobs", &[]).await?.get::<_, i64>(0) > 0 {
        ensure!(started.elapsed() < ROUND_MAX, "the queue is not emptied");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = figure(JOBS) / started.elapsed().as_secs_f64();
    stop.cancel();
    worker.await?;
    let runs = bench.starts.runs.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(runs.len() == JOBS && runs.values().all(|runs| *runs == 1), "each job runs exactly once");
    bench.pools.pool.close();
    Ok(rate)
}

/// Rows taken a second.
async fn floor(database: &Database) -> Result<f64> {
    let client = database.client().await?;
    let table = "DROP TABLE IF EXISTS bare_jobs; CREATE TABLE bare_jobs (id bigint PRIMARY KEY)";
    client.batch_execute(table).await?;
    let count = i64::try_from(JOBS)?;
    client.execute("INSERT INTO bare_jobs SELECT generate_series(1, $1::bigint)", &[&count]).await?;
    let mut takers = JoinSet::new();
    let mut clients = Vec::new();
    for _ in 0..JobPace::default().slots {
        clients.push(database.client().await?);
    }
    let started = Instant::now();
    for client in clients {
        takers.spawn(async move {
            let take = client.prepare(TAKE).await?;
            while client.execute(&take, &[]).await? > 0 {}
            Ok::<(), tokio_postgres::Error>(())
        });
    }
    while let Some(taken) = takers.join_next().await {
        taken??;
    }
    Ok(figure(JOBS) / started.elapsed().as_secs_f64())
}

/// The median from commit to start, in milliseconds.
async fn start(database: &Database) -> Result<f64> {
    let mut bench = Bench::on(database)?;
    let (worker, stop) = bench.work();
    let mut waits = Vec::with_capacity(STARTS);
    for n in 0..STARTS {
        tokio::time::sleep(BETWEEN_STARTS).await;
        bench.put(n..n + 1).await?;
        let committed = Instant::now();
        bench.bell.ring();
        let began = tokio::time::timeout(ROUND_MAX, bench.began.recv()).await?;
        let began = began.ok_or_else(|| anyhow!("the worker has ended"))?;
        waits.push(began.saturating_duration_since(committed).as_secs_f64() * 1_000.0);
    }
    stop.cancel();
    worker.await?;
    bench.pools.pool.close();
    waits.sort_by(f64::total_cmp);
    waits.get(STARTS / 2).copied().ok_or_else(|| anyhow!("no job began"))
}
