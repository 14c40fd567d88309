//! `logins`: what others notice when 200 people sign in at the same moment.
//!
//! Each password is checked with Argon2id, tens of milliseconds of a processor. Meanwhile eight
//! connections ask for one todo, every few milliseconds each. The floor is what they see while nobody
//! signs in; both take turns. Everybody must get in, too: who is sent away because too many wait
//! comes again a moment later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    account::{self, Account, LOGIN, PASSWORD},
    database::Database,
    http::{self, Connection},
    load::Ask,
    processes::Process,
    questions::One,
    report::{Report, Target},
    rounds::{ROUNDS, Rounds, figure, milliseconds, percentile},
    seed,
    servers::Servers,
};

const LOGINS: usize = 200;
const ASKING: usize = 8;
/// How long a connection thinks between an answer and its next question.
const THINKS: Duration = Duration::from_millis(5);
const IDLE_ROUND: Duration = Duration::from_secs(4);
/// After what time who was sent away comes again.
const COMES_AGAIN: Duration = Duration::from_secs(1);
/// How often somebody comes at most.
const COMES_MAX: usize = 30;

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(servers, report))
}

async fn measure(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "logins").await?;
    let api = Process::api(servers, &database, "api").await?;
    let owner = Account::new(api.port, "owner").await?;
    seed::todos(&database, &owner, &[]).await?;
    account::join_many(api.port, (0..LOGINS).map(name).collect()).await?;
    let one = One::new(&owner);
    // Connections, statements, caches.
    asked_while(&api, &one, tokio::time::sleep(Duration::from_secs(1))).await?;
    let [mut p50, mut p99, mut rates, mut slowest, mut away] = std::array::from_fn(|_| Rounds::default());
    for _ in 0..ROUNDS {
        let (mut idle, ()) = asked_while(&api, &one, tokio::time::sleep(IDLE_ROUND)).await?;
        let (mut storm, logins) = asked_while(&api, &one, sign_in(api.port)).await?;
        let mut logins = logins.map_err(|error| error.context(api.said()))?;
        p50.push(percentile(&mut storm, 50), percentile(&mut idle, 50));
        p99.push(percentile(&mut storm, 99), percentile(&mut idle, 99));
        rates.push(figure(LOGINS) / logins.seconds, 1.0);
        slowest.push(percentile(&mut logins.times, 100), 1.0);
        away.push(figure(logins.sent_away), 1.0);
    }
    report.rounds("logins.todo-by-id.p50", "ms", &p50, Target::None);
    report.rounds("logins.todo-by-id.p99", "ms", &p99, Target::RatioAtMost(2.0));
    report.alone("logins.rate", "logins/s", rates.value(), Target::None);
    report.alone("logins.slowest", "ms", slowest.value(), Target::None);
    report.alone("logins.sent-away", "times", away.value(), Target::None);
    drop(api);
    database.remove().await
}

fn name(number: usize) -> String {
    format!("person_{number}")
}

/// How long answers took, in milliseconds, until `until` was over; and what came of that.
async fn asked_while<T>(api: &Process, one: &One, until: impl Future<Output = T>) -> Result<(Vec<f64>, T)> {
    let over = Arc::new(AtomicBool::new(false));
    let mut asking = JoinSet::new();
    for index in 0..ASKING {
        let (mut connection, one) = (Connection::open(api.port).await?, one.clone());
        let over = Arc::clone(&over);
        asking.spawn(async move {
            let (mut times, mut number) = (Vec::new(), 0);
            while !over.load(Ordering::Relaxed) {
                let (request, sent) = (one.request(index, number), Instant::now());
                let answer = connection.send(&request).await?;
                let good = answer.status == 200 && answer.body.starts_with(one.begins());
                ensure!(good, "a bad answer: {} {}", answer.status, String::from_utf8_lossy(answer.body));
                times.push(milliseconds(sent.elapsed()));
                number += 1;
                tokio::time::sleep(THINKS).await;
            }
            Ok(times)
        });
    }
    let done = until.await;
    over.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    while let Some(times) = asking.join_next().await {
        all.extend(times.context("a connection panicked")??);
    }
    Ok((all, done))
}

/// What came of it when everybody signed in at once.
struct SignedIn {
    /// How long each took, in milliseconds.
    times: Vec<f64>,
    /// How often one of them was sent away.
    sent_away: usize,
    /// How long all of them took.
    seconds: f64,
}

/// Everybody signs in at once.
async fn sign_in(port: u16) -> Result<SignedIn> {
    let started = Instant::now();
    let mut logins = JoinSet::new();
    for number in 0..LOGINS {
        logins.spawn(async move {
            let mut connection = Connection::open(port).await?;
            let input = json!({ "identifier": name(number), "password": PASSWORD });
            let request = http::post(None, LOGIN, &json!({ "input": input }));
            let mut sent_away = 0;
            while sent_away < COMES_MAX {
                let answer = connection.send(&request).await?;
                if answer.body.starts_with(b"{\"data\":{\"login\":{\"accessToken\":\"") {
                    return Ok((milliseconds(started.elapsed()), sent_away));
                }
                let said = String::from_utf8_lossy(answer.body);
                ensure!(said.contains("\"UNAVAILABLE\""), "no way in: {said}");
                sent_away += 1;
                tokio::time::sleep(COMES_AGAIN).await;
            }
            bail!("no way in after {COMES_MAX} times")
        });
    }
    let (mut times, mut sent_away) = (Vec::with_capacity(LOGINS), 0);
    while let Some(done) = logins.join_next().await {
        let (time, away) = done.context("a login panicked")??;
        times.push(time);
        sent_away += away;
    }
    Ok(SignedIn { times, sent_away, seconds: started.elapsed().as_secs_f64() })
}
