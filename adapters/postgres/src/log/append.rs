//! Turns a unit into the parameters of its statement, and the answer back.

use std::fmt::Write;

use application::ports::{Append, AppendError, Appended, Cursor, LogError, PAYLOAD_BYTES_MAX, Unit};
use aws_lc_rs::digest::{SHA256, digest};
use deadpool_postgres::Client;
use domain::Claim;
use tokio_postgres::{
    error::SqlState,
    types::{Json, ToSql},
};

use super::statement::Shape;
use crate::json::Raw;

/// The form in which a unique value is stored.
pub(super) fn claim_hash(claim: &Claim) -> Vec<u8> {
    digest(&SHA256, claim.value.as_bytes()).as_ref().to_vec()
}

#[derive(Default)]
struct Claims<'a> {
    scopes: Vec<&'a str>,
    values: Vec<Vec<u8>>,
    ids: Vec<&'a str>,
}

impl<'a> Claims<'a> {
    fn of(unit: &'a Unit, which: impl Fn(&'a Append) -> &'a [Claim]) -> Self {
        let mut claims = Self::default();
        for append in &unit.appends {
            for claim in which(append) {
                claims.scopes.push(claim.scope);
                claims.values.push(claim_hash(claim));
                claims.ids.push(append.stream.as_str());
            }
        }
        claims
    }
}

#[derive(Default)]
struct Events<'a> {
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
    sequences: Vec<i64>,
    event_types: Vec<&'a str>,
    versions: Vec<&'a str>,
    payloads: Vec<Raw<'a>>,
    /// The series and the ordinal of the event that gets its number.
    numbered: Option<(&'a str, i64)>,
}

impl<'a> Events<'a> {
    fn of(unit: &'a Unit) -> Result<Self, AppendError> {
        let mut events = Self::default();
        for append in &unit.appends {
            if let Some(series) = &append.series {
                events.numbered = Some((series, i64::try_from(events.types.len()).unwrap_or(i64::MAX) + 1));
            }
            for (sequence, event) in (append.seen + 1..).zip(&append.events) {
                let bytes = event.payload.get().len();
                if bytes > PAYLOAD_BYTES_MAX {
                    return Err(AppendError::TooLarge { bytes });
                }
                events.types.push(append.aggregate_type);
                events.ids.push(append.stream.as_str());
                events.sequences.push(sequence);
                events.event_types.push(&event.event_type);
                events.versions.push(&event.event_version);
                events.payloads.push(Json(&event.payload));
            }
        }
        Ok(events)
    }
}

#[derive(Default)]
struct Snapshots<'a> {
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
    sequences: Vec<i64>,
    schemas: Vec<i32>,
    payloads: Vec<Raw<'a>>,
}

impl<'a> Snapshots<'a> {
    fn of(unit: &'a Unit) -> Self {
        let mut snapshots = Self::default();
        for append in &unit.appends {
            if let Some(snapshot) = &append.snapshot {
                snapshots.types.push(append.aggregate_type);
                snapshots.ids.push(append.stream.as_str());
                snapshots.sequences.push(last_sequence(append));
                snapshots.schemas.push(snapshot.schema);
                snapshots.payloads.push(Json(&snapshot.payload));
            }
        }
        snapshots
    }
}

fn last_sequence(append: &Append) -> i64 {
    append.seen + i64::try_from(append.events.len()).unwrap_or(i64::MAX)
}

/// Runs the statement of a unit. `None`: the key was used already.
pub(super) async fn run(client: &Client, unit: &Unit) -> Result<Option<Appended>, AppendError> {
    let events = Events::of(unit)?;
    let takes = Claims::of(unit, |append| &append.takes);
    let releases = Claims::of(unit, |append| &append.releases);
    let snapshots = Snapshots::of(unit);
    let shape = Shape {
        key: unit.key.is_some(),
        takes: !takes.scopes.is_empty(),
        releases: !releases.scopes.is_empty(),
        series: events.numbered.is_some(),
        snapshots: !snapshots.types.is_empty(),
    };
    let metadata = Json(&*unit.metadata);
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![
        &events.types,
        &events.ids,
        &events.sequences,
        &events.event_types,
        &events.versions,
        &events.payloads,
        &metadata,
    ];
    let key = unit.key.as_ref().zip(unit.appends.first()).map(|(key, first)| {
        (
            key.key.as_str(),
            key.request_hash.to_vec(),
            first.aggregate_type,
            first.stream.as_str(),
            last_sequence(first),
        )
    });
    if let Some((key, hash, aggregate_type, id, sequence)) = &key {
        params.extend([key as &(dyn ToSql + Sync), hash, aggregate_type, id, sequence]);
    }
    for claims in [&takes, &releases] {
        if !claims.scopes.is_empty() {
            params.extend([&claims.scopes as &(dyn ToSql + Sync), &claims.values, &claims.ids]);
        }
    }
    if let Some((series, ordinal)) = &events.numbered {
        params.extend([series as &(dyn ToSql + Sync), ordinal]);
    }
    if shape.snapshots {
        let s = &snapshots;
        params.extend([&s.types as &(dyn ToSql + Sync), &s.ids, &s.sequences, &s.schemas, &s.payloads]);
    }
    let refused = |error| refusal(error, unit);
    let statement = client.prepare_cached(shape.statement()).await.map_err(refused)?;
    let row = client.query_one(&statement, &params).await.map_err(refused)?;
    let position: Option<i64> = row.try_get(0).map_err(refused)?;
    let tx: &str = row.try_get(1).map_err(refused)?;
    let number: Option<i64> = row.try_get(2).map_err(refused)?;
    let Some(position) = position else { return Ok(None) };
    let tx = tx.parse().map_err(|error: std::num::ParseIntError| LogError::Broken(error.into()))?;
    let numbers = unit.appends.iter().map(|append| append.series.as_ref().and(number)).collect();
    Ok(Some(Appended { cursor: Cursor { tx, position }, numbers }))
}

/// What a database error means to an append. The constraint's name decides: not every unique
/// violation is a conflict of versions.
fn refusal(error: tokio_postgres::Error, unit: &Unit) -> AppendError {
    let Some(db) = error.as_db_error() else { return AppendError::Log(LogError::Unavailable(error.into())) };
    match (db.code(), db.constraint()) {
        (&SqlState::UNIQUE_VIOLATION, Some("events_pkey"))
        | (&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED, _) => {
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
