//! A message on its way, and the spans that end when it has left.

use std::collections::HashMap;

use application::{
    ports::Signal,
    trace::{Kind, Place, Span},
};

use crate::wire::Message;

/// A hint that waits, and the spans of its sending: one for each trace that led to something in it.
#[derive(Debug)]
pub(crate) struct Waiting {
    signal: Signal,
    spans: Vec<Span>,
}

impl Waiting {
    /// It waits from now on. Whoever receives it goes on from here.
    pub(crate) fn new(mut signal: Signal) -> Self {
        let mut spans = Vec::new();
        if let Signal::Projected { changes, .. } = &mut signal {
            let mut places: HashMap<Place, Option<Place>> = HashMap::new();
            for change in changes {
                let Some(place) = change.trace else { continue };
                let own = places.entry(place).or_insert_with(|| {
                    let span = publishing(place);
                    let own = span.place();
                    spans.push(span);
                    own
                });
                change.trace = own.or(change.trace);
            }
        }
        Self { signal, spans }
    }

    /// The message; `None` when it is too long.
    pub(crate) fn parcel(self) -> Option<Parcel> {
        let Self { signal, spans } = self;
        let text = Message::Signal(signal).encode();
        text.map(|text| Parcel { text, spans })
    }
}

/// A message that is being sent.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) text: String,
    spans: Vec<Span>,
}

impl Parcel {
    /// One that no trace led to.
    pub(crate) fn plain(text: String) -> Self {
        Self { text, spans: Vec::new() }
    }

    /// It will never arrive.
    pub(crate) fn lost(mut self) {
        self.spans.iter_mut().for_each(|span| span.fail("lost"));
    }
}

fn publishing(place: Place) -> Span {
    let mut span = Span::child_of(Some(place), Kind::Producer, format_args!("publish hints"));
    span.word("messaging.system", "redis");
    span.word("messaging.destination.name", "hints");
    span.word("messaging.operation.type", "send");
    span.word("messaging.operation.name", "publish");
    span
}
