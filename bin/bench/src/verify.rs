//! `verify`: a million events against their seals, by `worker audit-verify` as an operator runs it:
//! with its start, its connections and its end. Then the same from an export, without the database.
//! Beside it: how quickly events are sealed, and what a proof out of so many costs and weighs.

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use adapter_postgres::{
    PgPools, PgSeals, Reached, Sealing, Wake,
    consumers::{Leases, Pace, Runner},
};
use adapter_redis::{RedisSettings, RedisSignals};
use anyhow::{Context, Result, anyhow, ensure};
use application::{
    ports::Signals,
    proofs::{AuditProof, Leaf, Notary, Proofs, Rhythm, SealSource, SealingKey},
};
use runtime::SystemClock;
use tokio_util::sync::CancellationToken;

use crate::{
    copy::{self, Mix},
    database::Database,
    report::{Report, Target},
    rounds::{figure, milliseconds, percentile},
    servers::Servers,
    tap::Tap,
};

const EVENTS: usize = 1_000_000;
const ROUNDS: usize = 3;
const PROOFS: usize = 500;
const SEALED_MAX: Duration = Duration::from_mins(5);
/// What the issue asks for.
const VERIFIED_SECONDS_MAX: f64 = 10.0;
const PROOF_BYTES_MAX: f64 = 1536.0;

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = Database::copy(servers, "verify").await?;
        copy::events(&database.client().await?, EVENTS, Mix::Created).await?;
        database.settle().await?;
        let pem = SealingKey::generate()?;
        let rate = seal(servers, &database).await?;
        report.alone("verify.seal", "events/s", rate, Target::None);
        let pools = PgPools::new(&database.settings()?)?;
        let key = Arc::new(SealingKey::read(&pem)?);
        sign(&pools, &key).await?;
        database.settle().await?;
        proofs(&pools, &key, report).await?;
        pools.pool.close();
        let folder = std::env::temp_dir().join(format!("bench-verify-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let measured = commands(servers, &database, &pem, &folder, report);
        std::fs::remove_dir_all(&folder)?;
        measured?;
        database.remove().await
    })
}

/// Events a second.
async fn seal(servers: &Servers, database: &Database) -> Result<f64> {
    let settings =
        RedisSettings { url: servers.redis_url.clone(), ca_file: None, channel: "bench:verify".to_owned() };
    let redis = RedisSignals::connect(settings).await?;
    let tap = Arc::new(Tap::new(Arc::clone(&redis)));
    let signals = Arc::clone(&tap) as Arc<dyn Signals>;
    let pools = PgPools::new(&database.settings()?)?;
    let last: i64 = database.client().await?.query_one("SELECT max(position) FROM events", &[]).await?.get(0);
    let runner = Runner {
        projection: Arc::new(Sealing),
        pool: pools.pool.clone(),
        leases: Leases::new(pools.connector.clone()),
        wake: Wake::new(Arc::clone(&signals)),
        signals,
        reached: Reached::new([]),
        pace: Pace::default(),
    };
    let stop = CancellationToken::new();
    let started = Instant::now();
    let running = tokio::spawn(runner.run(stop.clone()));
    tokio::time::timeout(SEALED_MAX, tap.reached(last)).await.context("sealing does not reach the end")?;
    let rate = figure(EVENTS) / started.elapsed().as_secs_f64();
    stop.cancel();
    running.await?;
    redis.close().await;
    pools.pool.close();
    Ok(rate)
}

async fn sign(pools: &PgPools, key: &Arc<SealingKey>) -> Result<()> {
    let notary = Notary {
        seals: Arc::new(PgSeals::new(pools.pool.clone())),
        store: None,
        key: Arc::clone(key),
        clock: Arc::new(SystemClock),
        rhythm: Rhythm { every: Duration::ZERO, ..Rhythm::default() },
    };
    notary.attend().await.map_err(|error| anyhow!(error))
}

/// What a proof takes and weighs.
async fn proofs(pools: &PgPools, key: &SealingKey, report: &mut Report) -> Result<()> {
    let seals = Arc::new(PgSeals::new(pools.pool.clone()));
    let leaves = seals.leaves(0, EVENTS).await.map_err(|error| anyhow!(error))?;
    let proofs = Proofs { seals, keys: vec![key.public()] };
    let (mut times, mut bytes) = (Vec::with_capacity(PROOFS), 0);
    for Leaf { position, .. } in leaves.iter().step_by(EVENTS / PROOFS) {
        let started = Instant::now();
        let proof =
            AuditProof { position: *position }.of(&proofs).await.map_err(|error| anyhow!(error))??;
        times.push(milliseconds(started.elapsed()));
        bytes = bytes.max(proof.bundle().len());
    }
    report.alone("verify.proof", "ms", percentile(&mut times, 50), Target::None);
    report.alone("verify.proof-bytes", "bytes", figure(bytes), Target::AtMost(PROOF_BYTES_MAX));
    Ok(())
}

fn commands(
    servers: &Servers,
    database: &Database,
    pem: &str,
    folder: &Path,
    report: &mut Report,
) -> Result<()> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (events, seals, key) = (path("events.ndjson"), path("checkpoints.ndjson"), path("key.pem"));
    std::fs::write(&key, SealingKey::read(pem)?.public().pem())?;
    let settings = [
        ("APP_ENV", "development"),
        ("DATABASE_URL", database.url.as_str()),
        ("REDIS_URL", servers.redis_url.as_str()),
        ("AUDIT_SIGNING_KEY", pem),
    ];
    let timed = |arguments: &[&str], settings: &[(&str, &str)]| {
        let mut command = Command::new(servers.programs.join("worker"));
        command.args(arguments).env_clear().envs(settings.iter().copied());
        let started = Instant::now();
        let output = command.output()?;
        let seconds = started.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        Ok::<_, anyhow::Error>((seconds, said))
    };
    let intact = format!("intact: {EVENTS} events");
    let median = |arguments: &[&str], settings: &[(&str, &str)]| {
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let (seconds, said) = timed(arguments, settings)?;
            ensure!(said.starts_with(&intact), "{said}");
            times.push(seconds);
        }
        Ok::<_, anyhow::Error>(percentile(&mut times, 50))
    };
    report.alone("verify", "s", median(&["audit-verify"], &settings)?, Target::AtMost(VERIFIED_SECONDS_MAX));
    let (seconds, _) = timed(&["audit-export", "--events", &events, "--checkpoints", &seals], &settings)?;
    report.alone("verify.write-export", "s", seconds, Target::None);
    let offline = ["audit-verify", "--export", &events, "--checkpoints", &seals, "--key", &key];
    report.alone("verify.export", "s", median(&offline, &[])?, Target::AtMost(VERIFIED_SECONDS_MAX));
    Ok(())
}
