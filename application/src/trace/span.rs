//! One span: something that takes time, in a trace.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    time::{Instant, SystemTime},
};

use super::{Incoming, Place, SINK, SpanId, TraceId, ended};

/// The most attributes of one span. There are fewer, all of them ours: a loop must not change that.
const ATTRIBUTES_MAX: usize = 16;

tokio::task_local! {
    /// The span that this task is in, when its trace is recorded.
    static CURRENT: Option<Place>;
}

/// The span that this task is in, when its trace is recorded.
pub fn current() -> Option<Place> {
    CURRENT.try_with(|place| *place).ok().flatten()
}

/// Runs something inside of that span.
pub fn within<F: Future>(place: Option<Place>, work: F) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(place, work)
}

/// The part that a span plays, as OpenTelemetry numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Within the process.
    Internal = 1,
    /// It answers a request.
    Server = 2,
    /// It asks somebody else and waits.
    Client = 3,
    /// It sends something on.
    Producer = 4,
    /// It works on what was sent.
    Consumer = 5,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Text.
    Text(Cow<'static, str>),
    /// A whole number.
    Whole(i64),
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Where it is.
    pub place: Place,
    /// What it is part of; `None`: the trace begins with it.
    pub parent: Option<SpanId>,
    /// What it is called; one of few.
    pub name: Cow<'static, str>,
    /// Its part.
    pub kind: Kind,
    /// When it began.
    pub begun: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// The kind of error it ended with.
    pub error: Option<Cow<'static, str>>,
}

/// A span that has begun. It ends when it is dropped. One that nobody records is empty, and costs
/// nothing.
#[derive(Debug, Default)]
pub struct Span(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    place: Place,
    parent: Option<SpanId>,
    name: Cow<'static, str>,
    kind: Kind,
    begun: Instant,
    attributes: Vec<(&'static str, Attribute)>,
    error: Option<Cow<'static, str>>,
}

impl Span {
    /// One that nobody records.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The first one here of a request, in the trace of a caller that is believed or in a new one;
    /// whether it is recorded is decided now.
    pub fn root(kind: Kind, name: fmt::Arguments<'_>, incoming: Option<Incoming>) -> Self {
        let Some(sink) = SINK.get() else { return Self(None) };
        let trace = incoming.map_or_else(|| TraceId(fastrand::u128(1..)), |incoming| incoming.place.trace);
        if !sink.sampler.records(trace, incoming) {
            return Self(None);
        }
        Self::open(trace, incoming.map(|incoming| incoming.place.span), kind, name)
    }

    /// A part of the span that this task is in.
    pub fn child(kind: Kind, name: fmt::Arguments<'_>) -> Self {
        Self::child_of(current(), kind, name)
    }

    /// A part of that span, which may have been in another process, long ago.
    pub fn child_of(place: Option<Place>, kind: Kind, name: fmt::Arguments<'_>) -> Self {
        match place {
            Some(Place { trace, span }) if SINK.get().is_some() => Self::open(trace, Some(span), kind, name),
            Some(_) | None => Self(None),
        }
    }

    fn open(trace: TraceId, parent: Option<SpanId>, kind: Kind, name: fmt::Arguments<'_>) -> Self {
        let name = name.as_str().map_or_else(|| Cow::Owned(name.to_string()), Cow::Borrowed);
        let place = Place { trace, span: SpanId(fastrand::u64(1..)) };
        let (begun, attributes) = (Instant::now(), Vec::new());
        Self(Some(Box::new(Open { place, parent, name, kind, begun, attributes, error: None })))
    }

    /// The same, begun then.
    #[must_use]
    pub fn since(mut self, begun: Instant) -> Self {
        if let Some(open) = &mut self.0 {
            open.begun = begun;
        }
        self
    }

    /// Where it is, when it is recorded.
    pub fn place(&self) -> Option<Place> {
        self.0.as_ref().map(|open| open.place)
    }

    /// Runs something inside of it.
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        within(self.place(), work)
    }

    /// Something is known of it.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.know(name, || Attribute::Text(Cow::Owned(value.to_owned())));
    }

    /// Something is known of it that is written in the program.
    pub fn word(&mut self, name: &'static str, value: &'static str) {
        self.know(name, || Attribute::Text(Cow::Borrowed(value)));
    }

    /// A number is known of it.
    pub fn whole(&mut self, name: &'static str, value: i64) {
        self.know(name, || Attribute::Whole(value));
    }

    /// It failed, with this kind of error: a code, never the text of one.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.error = Some(kind.into());
        }
    }

    fn know(&mut self, name: &'static str, value: impl FnOnce() -> Attribute) {
        if let Some(open) = &mut self.0
            && open.attributes.len() < ATTRIBUTES_MAX
        {
            open.attributes.push((name, value()));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let Open { place, parent, name, kind, begun, attributes, error } = *open;
        let now = SystemTime::now();
        let begun = now.checked_sub(begun.elapsed()).unwrap_or(now);
        ended(Finished { place, parent, name, kind, begun, ended: now, attributes, error });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that must not be looked at.
    struct Unread;

    impl fmt::Display for Unread {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("nobody wants to know")
        }
    }

    // No test of this crate's own records: those that do are in `tests/traces.rs`.
    #[tokio::test]
    async fn where_nobody_records_a_span_is_nothing_and_its_name_is_never_written() {
        assert_eq!(size_of::<Span>(), size_of::<usize>());
        let place = Incoming::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let place = place.map(|incoming| incoming.place);
        let mut spans = [
            Span::root(Kind::Server, format_args!("{Unread}"), None),
            Span::child_of(place, Kind::Consumer, format_args!("{Unread}")),
            within(place, async { Span::child(Kind::Internal, format_args!("{Unread}")) }).await,
        ];
        for span in &mut spans {
            span.text("a", "b");
            span.fail("INTERNAL");
            assert!(span.0.is_none());
        }
    }
}
