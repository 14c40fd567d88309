//! `worker audit-verify`: the log against its seals.

use adapter_postgres::{PgEvents, PgPools, PgSeals};
use application::{
    BoxError,
    proofs::{EventSource, SealSource, Verdict, VerifyingKey, examine},
};

use super::{
    bar::Bar,
    file::{ExportFile, records},
    settings,
    wishes::Wishes,
};

/// Whether everything is as it was sealed; says what is not.
pub(super) async fn verify(wishes: &Wishes) -> Result<bool, BoxError> {
    let published = wishes.get("--checkpoints").map(|path| records(path)).transpose()?;
    let given = wishes.get("--key").map(std::fs::read_to_string).transpose()?;
    let given = given.map(|text| VerifyingKey::read_all(&text)).transpose()?;
    if let Some(path) = wishes.get("--export") {
        let seals = published.ok_or("--export needs --checkpoints: the file with the seals")?;
        let keys = given.ok_or("--export needs --key: the file with the public key")?;
        let mut events = ExportFile::open(path)?;
        return examined(&seals, &mut events, &keys).await;
    }
    let settings = settings()?;
    let keys = given.unwrap_or(settings.seals.keys);
    if keys.is_empty() {
        return Err(
            "without AUDIT_SIGNING_KEY, AUDIT_PUBLIC_KEYS or --key no signature can be checked".into()
        );
    }
    let pool = PgPools::new(&settings.postgres)?.pool;
    let own = PgSeals::new(pool.clone());
    let seals: &dyn SealSource = match &published {
        Some(published) => published,
        None => &own,
    };
    let mut events = PgEvents::of(&pool, 0..own.size().await?).await?.patient();
    examined(seals, &mut events, &keys).await
}

async fn examined(
    seals: &dyn SealSource,
    events: &mut dyn EventSource,
    keys: &[VerifyingKey],
) -> Result<bool, BoxError> {
    let size = seals.size().await?;
    if size == 0 {
        return Err("nothing is sealed: there is nothing to compare with".into());
    }
    let mut bar = Bar::new("events", size);
    let verdict = examine(seals, events, 0..size, keys, |done| bar.at(done)).await;
    bar.end();
    let verdict = verdict?;
    say(&verdict);
    Ok(verdict.finding.is_none())
}

#[expect(clippy::print_stdout, reason = "the outcome, for people and scripts")]
fn say(verdict: &Verdict) {
    let Verdict { events, checkpoints, signed, finding } = verdict;
    if let Some(finding) = finding {
        let (position, wrong, leaf) = (finding.position, finding.wrong.name(), finding.leaf);
        println!(
            "position {position}: {wrong} (leaf {leaf}; the {events} events before it are as they were sealed)"
        );
        return;
    }
    println!("intact: {events} events, {checkpoints} signed checkpoints");
    if signed < events {
        println!("the last {} are sealed and not signed yet", events - signed);
    }
}
