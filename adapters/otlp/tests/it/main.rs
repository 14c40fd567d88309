//! Spans to a collector that speaks OTLP over TCP, and also stalls, says no and hangs up.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod arriving;
mod troubles;

use std::time::{Duration, UNIX_EPOCH};

use adapter_otlp::{Endpoint, Exporter, OtlpSettings};
use application::{
    meter,
    trace::{Finished, Incoming, Kind},
};
use testkit::Collector;
use tokio::sync::mpsc::{self, Sender};

/// Room for what a test sends.
const WAITING: usize = 256;

fn settings(collector: &Collector) -> OtlpSettings {
    OtlpSettings {
        endpoint: Endpoint::read(&collector.endpoint(), "/v1/traces").unwrap(),
        headers: Vec::new(),
        ca_file: None,
        timeout: Duration::from_millis(300),
        every: Duration::from_millis(10),
        batch: 100,
        resource: vec![("service.name".to_owned(), "a test".to_owned())],
    }
}

fn exporter(settings: OtlpSettings) -> (Sender<Finished>, Exporter) {
    let (sender, spans) = mpsc::channel(WAITING);
    (sender, Exporter::start(settings, spans).unwrap())
}

/// A span that can be told from others.
fn span(number: u64) -> Finished {
    let text = format!("00-0af7651916cd43dd8448eb211c80319c-{:016x}-01", number + 1);
    let begun = UNIX_EPOCH + Duration::from_nanos(1_800_000_000_123_456_789);
    Finished {
        place: Incoming::read(&text).unwrap().place,
        parent: None,
        name: format!("number {number}").into(),
        kind: Kind::Internal,
        begun,
        ended: begun + Duration::from_millis(5),
        attributes: Vec::new(),
        error: None,
    }
}

/// How many spans had this outcome, in all tests of this process so far.
fn counted(outcome: &str) -> u64 {
    let line = format!("enterprise_todo_trace_spans_total{{outcome=\"{outcome}\"}} ");
    let shown = meter::render().unwrap();
    shown.lines().find_map(|shown| shown.strip_prefix(&*line)).map_or(0, |number| number.parse().unwrap())
}
