//! The spans of a batch: one for each trace that led to events in it, so that a trace shows what became
//! of it and not of its neighbours.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};

use application::{
    ports::Change,
    trace::{self, Kind, Place, Span},
};

use crate::log::Recorded;

/// Older events are followed no longer: nobody waits for the rest of their traces, and a consumer that
/// begins at the first event would record the whole log.
const FOLLOWED_FOR: Duration = Duration::from_hours(1);

/// The traces that led to a batch.
#[derive(Default)]
pub(super) struct Traced {
    begun: Option<Instant>,
    /// How many of its events each led to.
    events: HashMap<Place, i64>,
}

impl Traced {
    /// The writing of a batch begins; in a process that records nothing, nothing does.
    pub(super) fn begin(batch: &[Recorded]) -> Self {
        if !trace::recording() {
            return Self::default();
        }
        let mut events = HashMap::new();
        for place in batch.iter().filter(|event| young(event)).filter_map(Recorded::place) {
            *events.entry(place).or_default() += 1;
        }
        Self { begun: Some(Instant::now()), events }
    }

    /// `consumer` has written it: what that led to goes on from here.
    pub(super) fn wrote(&self, consumer: &str, changes: &mut [Change]) {
        let Some(begun) = self.begun else { return };
        let mut places = HashMap::with_capacity(self.events.len());
        for (place, events) in &self.events {
            let mut span = Span::child_of(Some(*place), Kind::Consumer, format_args!("process {consumer}"));
            span = span.since(begun);
            span.word("messaging.system", "postgresql");
            span.word("messaging.destination.name", "events");
            span.word("messaging.operation.type", "process");
            span.text("messaging.consumer.group.name", consumer);
            span.whole("messaging.batch.message_count", *events);
            places.extend(span.place().map(|own| (*place, own)));
        }
        for change in changes {
            change.trace = change.trace.map(|place| places.get(&place).copied().unwrap_or(place));
        }
    }
}

fn young(event: &Recorded) -> bool {
    // The database's clock may be ahead of ours.
    SystemTime::from(event.recorded_at).elapsed().map_or(true, |age| age <= FOLLOWED_FOR)
}
