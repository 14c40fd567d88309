//! Runs the statement of one unit, or of several at once, and reads the answer back.

use std::{collections::HashMap, fmt::Write, time::Instant};

use application::{
    meter,
    ports::{AppendError, Appended, Cursor, LogError, PAYLOAD_BYTES_MAX, Unit},
};
use deadpool_postgres::Client;
use domain::Claim;
use tokio_postgres::{
    Row,
    error::SqlState,
    types::{Json, ToSql},
};

use super::{
    columns::{Claims, Events, Snapshots, claim_hash, last_sequence},
    statement::Shape,
};

/// Refuses a unit with an event that no honest client makes.
pub(super) fn bounded(unit: &Unit) -> Result<(), AppendError> {
    let events = unit.appends.iter().flat_map(|append| &append.events);
    match events.map(|event| event.payload.get().len()).max() {
        Some(bytes) if bytes > PAYLOAD_BYTES_MAX => Err(AppendError::TooLarge { bytes }),
        Some(_) | None => Ok(()),
    }
}

/// Runs the statement of these units: all of them are stored, or none. A unit with a key stands
/// alone. `None`: the key was used already, or there was no event.
pub(super) async fn run(
    client: &Client,
    units: &[&Unit],
) -> Result<Option<Vec<Appended>>, tokio_postgres::Error> {
    let events = Events::of(units);
    let takes = Claims::of(units, |append| &append.takes);
    let releases = Claims::of(units, |append| &append.releases);
    let snapshots = Snapshots::of(units);
    let alone = units.first().filter(|_| units.len() == 1);
    let key = alone.and_then(|unit| unit.key.as_ref().zip(unit.appends.first()));
    let shape = Shape {
        key: key.is_some(),
        takes: !takes.scopes.is_empty(),
        releases: !releases.scopes.is_empty(),
        series: !events.numbered.is_empty(),
        snapshots: !snapshots.types.is_empty(),
    };
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![
        &events.types,
        &events.ids,
        &events.sequences,
        &events.event_types,
        &events.versions,
        &events.payloads,
        &events.metadata,
    ];
    let key = key.map(|(key, first)| {
        let hash = key.request_hash.to_vec();
        (key.key.as_str(), hash, first.aggregate_type, first.stream.as_str(), last_sequence(first))
    });
    if let Some((key, hash, aggregate_type, id, sequence)) = &key {
        params.extend([key as &(dyn ToSql + Sync), hash, aggregate_type, id, sequence]);
    }
    for claims in [&takes, &releases] {
        if !claims.scopes.is_empty() {
            params.extend([&claims.scopes as &(dyn ToSql + Sync), &claims.values, &claims.ids]);
        }
    }
    let (series, counts): (Vec<&str>, Vec<i64>) = events.numbered.iter().map(|(of, n)| (*of, *n)).unzip();
    if shape.series {
        params.extend([&events.series as &(dyn ToSql + Sync), &events.nth, &series, &counts]);
    }
    if shape.snapshots {
        let s = &snapshots;
        params.extend([&s.types as &(dyn ToSql + Sync), &s.ids, &s.sequences, &s.schemas, &s.payloads]);
    }
    let statement = client.prepare_cached(shape.statement()).await?;
    let begun = Instant::now();
    let row = client.query_one(&statement, &params).await?;
    meter::APPEND_TIME.since(begun, []);
    let appended = appended(&row, units, &events)?;
    if appended.is_some() {
        meter::APPENDED.add(events.ids.len() as u64, []);
    }
    Ok(appended)
}

/// Where the events of each unit went, in the order of the units.
fn appended(
    row: &Row,
    units: &[&Unit],
    events: &Events<'_>,
) -> Result<Option<Vec<Appended>>, tokio_postgres::Error> {
    let Some(positions) = row.try_get::<_, Option<Vec<i64>>>(0)? else { return Ok(None) };
    // Postgres writes a transaction id in digits.
    let tx = row.try_get::<_, &str>(1)?.parse().unwrap_or_default();
    let last: Option<Json<HashMap<String, i64>>> = row.try_get(2)?;
    let last = last.map(|json| json.0).unwrap_or_default();
    let mut next = 0;
    let mut all = Vec::with_capacity(units.len());
    for unit in units {
        let mut numbers = Vec::with_capacity(unit.appends.len());
        for append in &unit.appends {
            let nth = events.nth.get(next).copied().unwrap_or_default();
            numbers.push(append.series.as_ref().and_then(|series| {
                let count = events.numbered.get(series.as_str())?;
                Some(last.get(series)? - count + nth)
            }));
            next += append.events.len();
        }
        let position = next.checked_sub(1).and_then(|last| positions.get(last)).copied().unwrap_or_default();
        all.push(Appended { cursor: Cursor { tx, position }, numbers });
    }
    Ok(Some(all))
}

/// What a database error means to an append. The constraint's name decides: not every unique
/// violation is a conflict of versions.
pub(super) fn refusal(error: tokio_postgres::Error, unit: &Unit) -> AppendError {
    let Some(db) = error.as_db_error() else { return AppendError::Log(LogError::Unavailable(error.into())) };
    match (db.code(), db.constraint()) {
        (&SqlState::UNIQUE_VIOLATION, Some("events_pkey"))
        | (&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED, _) => {
            let first = unit.appends.first().map_or("unknown", |append| append.aggregate_type);
            meter::CONFLICTS.add(1, [first]);
            AppendError::Conflict
        }
        (&SqlState::UNIQUE_VIOLATION, Some("unique_claims_pkey")) => {
            let detail = db.detail().unwrap_or_default();
            let takes = unit.appends.iter().flat_map(|append| &append.takes);
            match takes.into_iter().find(|claim| names(detail, claim)) {
                Some(claim) => AppendError::Taken(claim.clone()),
                None => AppendError::Log(LogError::Broken(error.into())),
            }
        }
        _ => AppendError::Log(classify(error)),
    }
}

/// Whether Postgres' `Key (scope, value)=(…, \x…) already exists.` speaks of this claim.
fn names(detail: &str, claim: &Claim) -> bool {
    let mut named = format!("({}, \\x", claim.scope);
    for byte in claim_hash(claim) {
        // Writing to a string cannot fail.
        let _ = write!(named, "{byte:02x}");
    }
    detail.contains(&named)
}

/// Whether trying again may help.
pub(crate) fn classify(error: tokio_postgres::Error) -> LogError {
    let passing = error.as_db_error().is_none_or(|db| {
        // Connection, resources (disk, memory, connections), operator intervention, lock time-outs.
        ["08", "53", "57", "55", "40"].iter().any(|class| db.code().code().starts_with(class))
            || db.code() == &SqlState::READ_ONLY_SQL_TRANSACTION
    });
    if passing { LogError::Unavailable(error.into()) } else { LogError::Broken(error.into()) }
}
