//! Traces: one a request, from its head over the command and the append to the projections, the hint
//! and the delivery, on whichever process each of them happens.
//!
//! # How to add a span
//!
//! ```
//! # use application::trace::{Kind, Span};
//! # async fn work() -> Result<(), ()> { Ok(()) }
//! # async fn example() {
//! let mut span = Span::child(Kind::Internal, format_args!("weigh todos"));
//! span.whole("enterprise_todo.todos", 3);
//! let done = span.scope(work()).await; // what begins in there is a child of it
//! if done.is_err() {
//!     span.fail("INTERNAL");
//! } // dropped, it has ended
//! # }
//! ```
//!
//! Names and values come from lists of ours, never from what a client sends, and nothing personal is
//! among them: spans leave the system. `docs/traces.md` tells which ones there are.
//!
//! In a process that records nothing, and below a request that is not sampled, a span is an empty
//! option: nothing is allocated, no clock is read, and what its name would be is never written.
//!
//! The place of the span that caused an event is stored with it (`traceparent`), and travels in hints:
//! whoever works on what follows goes on from there, at once or after a restart.

mod place;
mod sampling;
mod span;

use std::sync::OnceLock;

use tokio::sync::mpsc;

pub use self::{
    place::{Incoming, Place, SpanId, TraceId, lenient, noted},
    sampling::{Roots, Sampler},
    span::{Attribute, Finished, Kind, Span, current, within},
};
use crate::meter;

/// Where finished spans go, and which traces are recorded; empty in a process that records nothing.
static SINK: OnceLock<Sink> = OnceLock::new();

struct Sink {
    queue: mpsc::Sender<Finished>,
    sampler: Sampler,
}

/// Records from now on: the spans come out here, and at most `waiting` of them wait. Those that come
/// when the queue is full are dropped and counted, so that nobody ever waits for it. `None`: this
/// process records already.
pub fn record(sampler: Sampler, waiting: usize) -> Option<mpsc::Receiver<Finished>> {
    let (queue, spans) = mpsc::channel(waiting.max(1));
    SINK.set(Sink { queue, sampler }).ok().map(|()| spans)
}

/// Whether this process records at all.
pub fn recording() -> bool {
    SINK.get().is_some()
}

/// Takes a span that has ended. It never waits.
fn ended(span: Finished) {
    let Some(sink) = SINK.get() else { return };
    if sink.queue.try_send(span).is_err() {
        meter::TRACE_SPANS.add(1, ["dropped"]);
    }
}
