//! The log in memory, with exactly the semantics of the real one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use application::ports::{
    Append, AppendError, Appended, Cursor, EventLog, IdempotencyKey, LogError, PAYLOAD_BYTES_MAX, Receipt,
    Snapshot, Unit,
};
use async_trait::async_trait;
use cqrs_es::persist::SerializedEvent;
use domain::{Claim, StreamId};
use serde_json::{Value, value::RawValue};

type Stream = (String, StreamId);

#[derive(Debug, Default)]
struct Tables {
    events: HashMap<Stream, BTreeMap<i64, (SerializedEvent, Cursor)>>,
    snapshots: HashMap<Stream, Snapshot>,
    claims: HashMap<Claim, StreamId>,
    keys: HashMap<String, ([u8; 32], Stream, i64)>,
    numbers: HashMap<String, i64>,
    units: u64,
    positions: i64,
}

/// See the module. One lock makes each unit atomic.
#[derive(Debug, Default)]
pub struct MemoryEventLog {
    tables: Mutex<Tables>,
}

impl MemoryEventLog {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes or removes a stored snapshot, as an accident would.
    pub fn spoil_snapshot(&self, aggregate_type: &str, stream: &StreamId, spoilt: Option<Snapshot>) {
        let key = (aggregate_type.to_owned(), stream.clone());
        let snapshots = &mut self.tables().snapshots;
        match spoilt {
            Some(snapshot) => snapshots.insert(key, snapshot),
            None => snapshots.remove(&key),
        };
    }
}

#[async_trait]
impl EventLog for MemoryEventLog {
    async fn append(&self, unit: Unit) -> Result<Appended, AppendError> {
        let sizes =
            unit.appends.iter().flat_map(|append| &append.events).map(|event| event.payload.get().len());
        if let Some(bytes) = sizes.into_iter().find(|bytes| *bytes > PAYLOAD_BYTES_MAX) {
            return Err(AppendError::TooLarge { bytes });
        }
        let mut tables = self.tables();
        let empty = unit.appends.iter().all(|append| append.events.is_empty());
        if let Some(key) = &unit.key
            && let Some(receipt) = tables.receipt(key)?
        {
            return if empty {
                Ok(nothing(&unit, receipt.cursor))
            } else {
                Err(AppendError::Duplicate(receipt))
            };
        }
        tables.admit(&unit)?;
        if empty {
            let (Some(key), Some(first)) = (&unit.key, unit.appends.first()) else {
                return Err(LogError::Broken("an append without events and without a key".into()).into());
            };
            tables.remember(key, first);
            let stream = (first.aggregate_type.to_owned(), first.stream.clone());
            return Ok(nothing(&unit, tables.cursor(&stream, first.seen)));
        }
        tables.write(&unit)
    }

    async fn receipt(&self, key: &IdempotencyKey) -> Result<Option<Receipt>, LogError> {
        self.tables().receipt(key)
    }

    async fn snapshot(&self, aggregate_type: &str, stream: &StreamId) -> Result<Option<Snapshot>, LogError> {
        Ok(self.tables().snapshots.get(&(aggregate_type.to_owned(), stream.clone())).cloned())
    }

    async fn events(
        &self,
        aggregate_type: &'static str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Vec<SerializedEvent>, LogError> {
        let tables = self.tables();
        let stored = tables.events.get(&(aggregate_type.to_owned(), stream.clone()));
        let after = stored.into_iter().flat_map(|events| events.range(sequence + 1..));
        Ok(after.map(|(_, (event, _))| event.clone()).collect())
    }

    async fn cursor(
        &self,
        aggregate_type: &str,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<Cursor, LogError> {
        Ok(self.tables().cursor(&(aggregate_type.to_owned(), stream.clone()), sequence))
    }

    async fn holder(&self, claim: &Claim) -> Result<Option<StreamId>, LogError> {
        Ok(self.tables().claims.get(claim).cloned())
    }
}

impl Tables {
    fn cursor(&self, stream: &Stream, sequence: i64) -> Cursor {
        let event = self.events.get(stream).and_then(|events| events.get(&sequence));
        event.map_or_else(Cursor::default, |(_, cursor)| *cursor)
    }

    fn receipt(&self, key: &IdempotencyKey) -> Result<Option<Receipt>, LogError> {
        let Some((hash, stream, version)) = self.keys.get(&key.key) else { return Ok(None) };
        if *hash != key.request_hash {
            return Err(LogError::KeyReused);
        }
        let cursor = self.cursor(stream, *version);
        Ok(Some(Receipt { stream: stream.1.clone(), version: *version, cursor }))
    }

    fn remember(&mut self, key: &IdempotencyKey, first: &Append) {
        let stream = (first.aggregate_type.to_owned(), first.stream.clone());
        self.keys.insert(key.key.clone(), (key.request_hash, stream, last_sequence(first)));
    }

    /// Versions first, then claims. A value that the same unit releases is free.
    fn admit(&self, unit: &Unit) -> Result<(), AppendError> {
        for append in &unit.appends {
            let stored = self.events.get(&(append.aggregate_type.to_owned(), append.stream.clone()));
            let new = append.seen + 1..last_sequence(append) + 1;
            if stored.is_some_and(|events| events.range(new).next().is_some()) {
                return Err(AppendError::Conflict);
            }
        }
        let released = |claim: &Claim, holder: &StreamId| {
            unit.appends.iter().any(|append| append.stream == *holder && append.releases.contains(claim))
        };
        let held = |claim: &Claim| self.claims.get(claim).is_some_and(|holder| !released(claim, holder));
        let mut takes = unit.appends.iter().flat_map(|append| &append.takes);
        match takes.find(|claim| held(claim)) {
            Some(claim) => Err(AppendError::Taken(claim.clone())),
            None => Ok(()),
        }
    }

    fn write(&mut self, unit: &Unit) -> Result<Appended, AppendError> {
        let broken = |error: serde_json::Error| AppendError::Log(LogError::Broken(error.into()));
        self.units += 1;
        let metadata = tree(&unit.metadata).map_err(broken)?;
        for append in &unit.appends {
            self.claims.retain(|claim, holder| *holder != append.stream || !append.releases.contains(claim));
        }
        let mut numbers = Vec::with_capacity(unit.appends.len());
        for append in &unit.appends {
            self.claims.extend(append.takes.iter().map(|claim| (claim.clone(), append.stream.clone())));
            let number = append.series.as_ref().map(|series| {
                let last = self.numbers.entry(series.clone()).or_default();
                *last += 1;
                *last
            });
            numbers.push(number);
            let stream = (append.aggregate_type.to_owned(), append.stream.clone());
            for (n, (sequence, event)) in (append.seen + 1..).zip(&append.events).enumerate() {
                let mut payload = tree(&event.payload).map_err(broken)?;
                if let (0, Some(number), Some(fields)) = (n, number, payload.as_object_mut()) {
                    fields.insert("number".to_owned(), number.into());
                }
                self.positions += 1;
                let cursor = Cursor { tx: self.units, position: self.positions };
                let stored = SerializedEvent {
                    aggregate_id: append.stream.as_str().to_owned(),
                    sequence: usize::try_from(sequence).expect("sequences are positive"),
                    aggregate_type: append.aggregate_type.to_owned(),
                    event_type: event.event_type.clone(),
                    event_version: event.event_version.clone(),
                    payload,
                    metadata: metadata.clone(),
                };
                self.events.entry(stream.clone()).or_default().insert(sequence, (stored, cursor));
            }
            if let Some(snapshot) = &append.snapshot {
                let payload = tree(&snapshot.payload).map_err(broken)?;
                let sequence = last_sequence(append);
                self.snapshots.insert(stream, Snapshot { sequence, schema: snapshot.schema, payload });
            }
        }
        if let (Some(key), Some(first)) = (&unit.key, unit.appends.first()) {
            self.remember(key, first);
        }
        Ok(Appended { cursor: Cursor { tx: self.units, position: self.positions }, numbers })
    }
}

fn nothing(unit: &Unit, cursor: Cursor) -> Appended {
    Appended { cursor, numbers: vec![None; unit.appends.len()] }
}

fn last_sequence(append: &Append) -> i64 {
    append.seen + i64::try_from(append.events.len()).expect("no append has 2^63 events")
}

fn tree(raw: &RawValue) -> serde_json::Result<Value> {
    serde_json::from_str(raw.get())
}
