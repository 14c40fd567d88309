//! The columns of an append: what its units have, side by side, as the statement binds it.

use std::collections::HashMap;

use application::ports::{Append, Unit};
use aws_lc_rs::digest::{SHA256, digest};
use domain::Claim;
use tokio_postgres::types::Json;

use crate::json::Raw;

/// The form in which a unique value is stored.
pub(super) fn claim_hash(claim: &Claim) -> Vec<u8> {
    digest(&SHA256, claim.value.as_bytes()).as_ref().to_vec()
}

#[derive(Default)]
pub(super) struct Claims<'a> {
    pub(super) scopes: Vec<&'a str>,
    pub(super) values: Vec<Vec<u8>>,
    pub(super) ids: Vec<&'a str>,
}

impl<'a> Claims<'a> {
    pub(super) fn of(units: &[&'a Unit], which: impl Fn(&'a Append) -> &'a [Claim]) -> Self {
        let mut claims = Self::default();
        for append in units.iter().flat_map(|unit| &unit.appends) {
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
pub(super) struct Events<'a> {
    pub(super) types: Vec<&'a str>,
    pub(super) ids: Vec<&'a str>,
    pub(super) sequences: Vec<i64>,
    pub(super) event_types: Vec<&'a str>,
    pub(super) versions: Vec<&'a str>,
    pub(super) payloads: Vec<Raw<'a>>,
    pub(super) metadata: Vec<Raw<'a>>,
    /// The series that numbers an event, and its place in it, from 1.
    pub(super) series: Vec<Option<&'a str>>,
    pub(super) nth: Vec<i64>,
    /// How many of each series are numbered.
    pub(super) numbered: HashMap<&'a str, i64>,
}

impl<'a> Events<'a> {
    pub(super) fn of(units: &[&'a Unit]) -> Self {
        let mut events = Self::default();
        for unit in units {
            for append in &unit.appends {
                events.push(unit, append);
            }
        }
        events
    }

    fn push(&mut self, unit: &'a Unit, append: &'a Append) {
        let mut series = append.series.as_deref();
        for (sequence, event) in (append.seen + 1..).zip(&append.events) {
            self.types.push(append.aggregate_type);
            self.ids.push(append.stream.as_str());
            self.sequences.push(sequence);
            self.event_types.push(&event.event_type);
            self.versions.push(&event.event_version);
            self.payloads.push(Json(&event.payload));
            self.metadata.push(Json(&unit.metadata));
            // Only the first event of an append is numbered.
            let own = series.take();
            self.series.push(own);
            self.nth.push(own.map_or(0, |own| {
                let count = self.numbered.entry(own).or_default();
                *count += 1;
                *count
            }));
        }
    }
}

#[derive(Default)]
pub(super) struct Snapshots<'a> {
    pub(super) types: Vec<&'a str>,
    pub(super) ids: Vec<&'a str>,
    pub(super) sequences: Vec<i64>,
    pub(super) schemas: Vec<i32>,
    pub(super) payloads: Vec<Raw<'a>>,
}

impl<'a> Snapshots<'a> {
    pub(super) fn of(units: &[&'a Unit]) -> Self {
        let mut snapshots = Self::default();
        for append in units.iter().flat_map(|unit| &unit.appends) {
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

/// The sequence of an append's last event.
pub(super) fn last_sequence(append: &Append) -> i64 {
    append.seen + i64::try_from(append.events.len()).unwrap_or(i64::MAX)
}
