//! `logins`: what others notice when 200 people sign in at the same moment.
//!
//! Each password is checked with Argon2id, tens of milliseconds of a processor. Meanwhile eight
//! connections ask for one todo, every few milliseconds each. The floor is what they see while nobody
//! signs in; both take turns. Everybody must get in, too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
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
    let (mut p50, mut p99, mut rates, mut slowest) = Default::default();
    let figures: [&mut Rounds; 4] = [&mut p50, &mut p99, &mut rates, &mut slowest];
    let [p50, p99, rates, slowest] = figures;
    for _ in 0..ROUNDS {
        let (mut idle, ()) = asked_while(&api, &one, tokio::time::sleep(IDLE_ROUND)).await?;
        let (mut storm, logins) = asked_while(&api, &one, sign_in(api.port)).await?;
        let (mut logins, seconds) = logins.map_err(|error| error.context(api.said()))?;
        p50.push(percentile(&mut storm, 50), percentile(&mut idle, 50));
        p99.push(percentile(&mut storm, 99), percentile(&mut idle, 99));
        rates.push(figure(LOGINS) / seconds, 1.0);
        slowest.push(percentile(&mut logins, 100), 1.0);
    }
    report.rounds("logins.todo-by-id.p50", "ms", p50, Target::None);
    report.rounds("logins.todo-by-id.p99", "ms", p99, Target::RatioAtMost(2.0));
    report.alone("logins.rate", "logins/s", rates.value(), Target::None);
    report.alone("logins.slowest", "ms", slowest.value(), Target::None);
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
                ensure!(answer.status == 200 && answer.body.starts_with(one.begins()), "a bad answer");
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

/// Everybody signs in at once: how long each took, in milliseconds, and all of them, in seconds.
async fn sign_in(port: u16) -> Result<(Vec<f64>, f64)> {
    let started = Instant::now();
    let mut logins = JoinSet::new();
    for number in 0..LOGINS {
        logins.spawn(async move {
            let mut connection = Connection::open(port).await?;
            let input = json!({ "identifier": name(number), "password": PASSWORD });
            let request = http::post(None, LOGIN, &json!({ "input": input }));
            let answer = connection.send(&request).await?;
            let good = answer.body.starts_with(b"{\"data\":{\"login\":{\"accessToken\":\"");
            ensure!(good, "no way in: {}", String::from_utf8_lossy(answer.body));
            Ok(milliseconds(started.elapsed()))
        });
    }
    let mut all = Vec::with_capacity(LOGINS);
    while let Some(done) = logins.join_next().await {
        all.push(done.context("a login panicked")??);
    }
    Ok((all, started.elapsed().as_secs_f64()))
}
