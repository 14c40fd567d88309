//! `live`: from the commit of a change in one process to 200 subscribers of another one.
//!
//! The commit is the moment at which the event's row was written: the wait for the disk after it is
//! counted in. `from-send` counts from just before the mutation, `from-answer` from its answer, which
//! itself waits for the read model. The floor is the bare process: what is posted to it goes to
//! 200 sockets, without a database, without Redis, and without a second process.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::{sync::Mutex, task::JoinSet, time::interval};

use crate::{
    account::Account,
    database::Database,
    http::{self, Connection},
    listeners::{Delivered, LISTENERS, Listeners, MARK},
    processes::Process,
    report::{Report, Target},
    rounds::{Rounds, figure, milliseconds, percentile},
    servers::Servers,
};

const ROUNDS: usize = 3;
const CHANGES: usize = 100;
/// 50 changes a second.
const EVERY: Duration = Duration::from_millis(20);
/// Nothing comes for so long: it is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Numbers from here on are warm-up.
const WARM_UP: usize = 900_000;
const CREATE: &str = "mutation($input: CreateTodoInput!) { createTodo(input: $input) { version } }";

type Times = BTreeMap<usize, SystemTime>;

/// When changes were sent and answered.
#[derive(Default)]
struct Sent {
    before: Times,
    answered: Times,
}

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(servers, report))
}

async fn measure(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "live").await?;
    let a = Process::api(servers, &database, "api-a").await?;
    let b = Process::api(servers, &database, "api-b").await?;
    let bare = Process::bare().await?;
    let owner = Account::new(a.port, "owner").await?;
    let mut floor_sockets = Listeners::open(bare.port, "/live", None).await?;
    let mut sockets = Listeners::open(b.port, "/graphql", Some(&owner.token)).await?;
    warm_up(&a, &owner, &mut sockets).await?;
    let mut figures = Figures::default();
    for round in 0..ROUNDS {
        let numbers = round * CHANGES..(round + 1) * CHANGES;
        let say = |number: usize| http::post_body("/say", None, &say(number));
        let sent = send(bare.port, numbers.clone(), say).await?;
        let floor = floor_sockets.hear(CHANGES * LISTENERS, PATIENCE).await;
        let create = |number: usize| create(&owner.token, number);
        let answers = send(a.port, numbers, create).await?;
        let heard = sockets.hear(CHANGES * LISTENERS, PATIENCE).await;
        let committed = committed(&database).await?;
        figures.push(&answers, &committed, &heard, &delays(&sent.before, &floor));
    }
    // What comes twice may come late.
    figures.heard.extend(sockets.hear(usize::MAX, Duration::from_secs(1)).await);
    figures.report(report);
    drop((a, b, bare));
    database.remove().await
}

/// Every listener is there once it has heard something.
async fn warm_up(process: &Process, owner: &Account, sockets: &mut Listeners) -> Result<()> {
    let mut there = HashSet::new();
    for number in WARM_UP..WARM_UP + 50 {
        send(process.port, number..number + 1, |number| create(&owner.token, number)).await?;
        let heard = sockets.hear(LISTENERS, Duration::from_millis(500)).await;
        there.extend(heard.iter().map(|delivered| delivered.listener));
        if there.len() == LISTENERS && number > WARM_UP + 10 {
            return Ok(());
        }
    }
    ensure!(there.len() == LISTENERS, "only {} subscribers hear anything: {}", there.len(), process.said());
    Ok(())
}

/// Sends requests at an even pace, whether earlier ones were answered or not.
async fn send(
    port: u16,
    numbers: std::ops::Range<usize>,
    request: impl Fn(usize) -> Vec<u8>,
) -> Result<Sent> {
    let free: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let mut pace = interval(EVERY);
    let mut tasks = JoinSet::new();
    for number in numbers {
        pace.tick().await;
        let (request, free) = (request(number), Arc::clone(&free));
        tasks.spawn(async move {
            let idle = free.lock().await.pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Connection::open(port).await?,
            };
            let before = SystemTime::now();
            let answer = connection.send(&request).await?;
            let answered = SystemTime::now();
            let good = answer.status == 200 && http::find(answer.body, b"\"errors\"").is_none();
            ensure!(good, "answered with {} {}", answer.status, String::from_utf8_lossy(answer.body));
            free.lock().await.push(connection);
            Ok((number, before, answered))
        });
    }
    let mut sent = Sent::default();
    while let Some(done) = tasks.join_next().await {
        let (number, before, answered) = done.context("a request panicked")??;
        sent.before.insert(number, before);
        sent.answered.insert(number, answered);
    }
    Ok(sent)
}

fn text(number: usize) -> String {
    format!("{MARK}{number:06}")
}

fn create(token: &str, number: usize) -> Vec<u8> {
    http::post(Some(token), CREATE, &json!({ "input": { "text": text(number) } }))
}

/// As large as a delivery of ours.
fn say(number: usize) -> String {
    json!({ "text": text(number), "filler": "x".repeat(280) }).to_string()
}

/// When each change's event was written, by the clock of the same machine.
async fn committed(database: &Database) -> Result<Times> {
    let sql = "SELECT payload->>'text', recorded_at FROM events WHERE event_type = 'todo.created'";
    let rows = database.client().await?.query(sql, &[]).await?;
    let time = |row: &tokio_postgres::Row| {
        let number = row.get::<_, &str>(0).strip_prefix(MARK)?.parse().ok()?;
        Some((number, row.get(1)))
    };
    Ok(rows.iter().filter_map(time).collect())
}

/// Milliseconds from each time to the deliveries; below zero where a delivery was first.
fn delays(from: &Times, heard: &[Delivered]) -> Vec<f64> {
    let delay = |delivered: &Delivered| {
        let from = *from.get(&delivered.number)?;
        Some(match delivered.at.duration_since(from) {
            Ok(after) => milliseconds(after),
            Err(before) => -milliseconds(before.duration()),
        })
    };
    heard.iter().filter_map(delay).collect()
}

#[derive(Default)]
struct Figures {
    commit: [Rounds; 2],
    send: [Rounds; 2],
    answer: [Rounds; 2],
    heard: Vec<Delivered>,
}

impl Figures {
    fn push(&mut self, sent: &Sent, committed: &Times, heard: &[Delivered], floor: &[f64]) {
        self.heard.extend(heard);
        let from = [
            (&mut self.commit, committed),
            (&mut self.send, &sent.before),
            (&mut self.answer, &sent.answered),
        ];
        for (rounds, times) in from {
            let (mut ours, mut floor) = (delays(times, heard), floor.to_vec());
            for (rounds, parts) in rounds.iter_mut().zip([50, 99]) {
                rounds.push(percentile(&mut ours, parts), percentile(&mut floor, parts));
            }
        }
    }

    fn report(&self, report: &mut Report) {
        report.rounds("live.p50", "ms", &self.commit[0], Target::AtMost(10.0));
        report.rounds("live.p99", "ms", &self.commit[1], Target::AtMost(50.0));
        report.rounds("live.from-send.p50", "ms", &self.send[0], Target::None);
        report.rounds("live.from-send.p99", "ms", &self.send[1], Target::None);
        report.rounds("live.from-answer.p50", "ms", &self.answer[0], Target::None);
        report.rounds("live.from-answer.p99", "ms", &self.answer[1], Target::None);
        let heard = self.heard.iter().filter(|delivered| delivered.number < WARM_UP);
        let places: Vec<(usize, usize)> =
            heard.map(|delivered| (delivered.listener, delivered.number)).collect();
        let once: HashSet<_> = places.iter().collect();
        let lost = ROUNDS * CHANGES * LISTENERS - once.len();
        report.alone("live.lost", "deliveries", figure(lost), Target::AtMost(0.0));
        report.alone("live.twice", "deliveries", figure(places.len() - once.len()), Target::AtMost(0.0));
    }
}
