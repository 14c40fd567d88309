//! `replay`: what a replay at full speed costs those who work meanwhile, and how fast it is.
//!
//! `createTodo` is sent at an even pace to an `api` process while a portal replays 200,000 events to
//! a client that reads as fast as it can, over and over; the floor is the same without the replay.
//! The client of the replay has a thread of its own, but shares the machine with all the others.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{sync::Mutex, task::JoinSet, time::interval};

use crate::{
    account::Account,
    copy::{self, Mix},
    database::Database,
    http::{self, Connection},
    listeners::{self, Socket},
    load::Ask,
    processes::Process,
    questions::Create,
    report::{Report, Target},
    rounds::{Rounds, figure, milliseconds, percentile},
    servers::Servers,
};

const EVENTS: usize = 200_000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);
/// 100 todos a second.
const EVERY: Duration = Duration::from_millis(10);
const PEOPLE: usize = 8;
const EMAIL: &str = "replay@bench.test";
const PASSWORD: &str = "Benchmark1";
/// Nobody listens there: it is told, and not used, when an operator is made.
const PORT: u16 = 3334;
const REPLAY: &str = "subscription { auditReplay { cursor event { position recordedAt eventType aggregateType \
     aggregateId version tenantId actorId command payload } progress { percent caughtUp } } }";

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(servers, report))
}

async fn measure(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "replay").await?;
    copy::events(&database.client().await?, EVENTS, Mix::Created).await?;
    database.settle().await?;
    let api = Process::api(servers, &database, "api").await?;
    caught_up(&database).await?;
    create_operator(servers, &database)?;
    let portal = Process::portal(servers, &database).await?;
    let token = sign_in(portal.port).await?;
    let mut people = Vec::with_capacity(PEOPLE);
    for number in 0..PEOPLE {
        people.push(Account::new(api.port, &format!("creator_{number}")).await?);
    }
    let create = Create::new(&people, 1);
    paced(api.port, &create, WARM_UP).await?;

    let alone = Reader::start(portal.port, &token);
    let idle_rate = alone.rate(ROUND).await;
    alone.end()?;
    let (mut p50, mut p99, mut rate) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let mut idle = paced(api.port, &create, ROUND).await?;
        let reader = Reader::start(portal.port, &token);
        paced(api.port, &create, WARM_UP).await?;
        let before = (reader.events(), Instant::now());
        let mut busy = paced(api.port, &create, ROUND).await?;
        let events = figure(usize::try_from(reader.events() - before.0)?);
        rate.push(events / before.1.elapsed().as_secs_f64(), idle_rate);
        reader.end()?;
        p50.push(percentile(&mut busy, 50), percentile(&mut idle, 50));
        p99.push(percentile(&mut busy, 99), percentile(&mut idle, 99));
    }
    report.rounds("replay", "events/s", &rate, Target::None);
    report.rounds("replay.create-todo.p50", "ms", &p50, Target::None);
    report.rounds("replay.create-todo.p99", "ms", &p99, Target::RatioAtMost(1.5));
    drop((api, portal));
    database.remove().await
}

/// The read models have seen what was there from the start.
async fn caught_up(database: &Database) -> Result<()> {
    let client = database.client().await?;
    let rows = "SELECT count(*) FROM todo_changes";
    for _ in 0..600 {
        let count: i64 = client.query_one(rows, &[]).await?.get(0);
        if usize::try_from(count)? >= EVENTS {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the projections do not catch up")
}

fn create_operator(servers: &Servers, database: &Database) -> Result<()> {
    let mut command = Command::new(servers.programs.join("portal-api"));
    command.args(["operator", "create", "--email", EMAIL, "--fullname", "Olga Bench", "--role", "SUPPORT"]);
    Process::portal_environment(&mut command, servers, database, PORT)?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(PASSWORD.as_bytes())?;
    ensure!(child.wait()?.success(), "the operator was not made");
    Ok(())
}

async fn sign_in(port: u16) -> Result<String> {
    let login = "mutation($email: String!, $password: String!) { portalLogin(input: {email: $email, password: $password}) \
        { accessToken } }";
    let variables = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = Connection::open(port).await?.graphql(None, login, variables).await?;
    answer["portalLogin"]["accessToken"].as_str().map(str::to_owned).context("no token")
}

/// Sends at an even pace, whether earlier ones were answered or not; how long each took.
async fn paced(port: u16, create: &Create, time: Duration) -> Result<Vec<f64>> {
    let free: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let (mut pace, mut tasks) = (interval(EVERY), JoinSet::new());
    let until = Instant::now() + time;
    let mut number = 0;
    while Instant::now() < until {
        pace.tick().await;
        let (request, free) = (create.request(number, number), Arc::clone(&free));
        let begins = create.begins();
        number += 1;
        tasks.spawn(async move {
            let idle = free.lock().await.pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Connection::open(port).await?,
            };
            let sent = Instant::now();
            let answer = connection.send(&request).await?;
            let took = milliseconds(sent.elapsed());
            let good = answer.status == 200 && answer.body.starts_with(begins);
            ensure!(good, "answered with {} {}", answer.status, String::from_utf8_lossy(answer.body));
            free.lock().await.push(connection);
            Ok(took)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.push(done.context("a request panicked")??);
    }
    Ok(times)
}

/// Reads replays of everything, one after the other, until it is told to end.
struct Reader {
    events: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Reader {
    fn start(port: u16, token: &str) -> Self {
        let (events, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end, token) = (Arc::clone(&events), Arc::clone(&stop), token.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                while !end.load(Ordering::Relaxed) {
                    let mut socket = listeners::connect(port, "/graphql").await?;
                    listeners::subscribe(&mut socket, &token, REPLAY).await?;
                    replayed(&mut socket, &count, &end).await?;
                }
                Ok(())
            })
        });
        Self { events, stop, thread }
    }

    fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Events a second over a time.
    async fn rate(&self, time: Duration) -> f64 {
        tokio::time::sleep(WARM_UP).await;
        let (before, begun) = (self.events(), Instant::now());
        tokio::time::sleep(time).await;
        figure(usize::try_from(self.events() - before).unwrap_or_default()) / begun.elapsed().as_secs_f64()
    }

    fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the reader panicked"))?
    }
}

/// Reads one replay until it has caught up.
async fn replayed(socket: &mut Socket, count: &AtomicU64, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let text = listeners::text(socket).await?;
        if http::find(text.as_bytes(), b"\"event\":{").is_some() {
            count.fetch_add(1, Ordering::Relaxed);
        } else {
            let said: Value = serde_json::from_str(&text)?;
            ensure!(said["type"] == "next" && said["payload"]["errors"].is_null(), "{said}");
            if said["payload"]["data"]["auditReplay"]["progress"]["caughtUp"] == true {
                return Ok(());
            }
        }
    }
    Ok(())
}
