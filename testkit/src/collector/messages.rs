//! What OTLP 1.x sends, for a decoder that is not ours. The numbers are those of the `.proto` files in
//! `open-telemetry/opentelemetry-proto`, written down here a second time on purpose.

use std::{collections::BTreeMap, fmt::Write};

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(super) rejected_spans: i64,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[expect(clippy::struct_field_names, reason = "the names are OpenTelemetry's")]
#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Truth(bool),
    #[prost(int64, tag = "3")]
    Whole(i64),
    #[prost(double, tag = "4")]
    Number(f64),
}

/// A span as a collector sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenSpan {
    /// What is true of all spans of its process: `service.name` and more.
    pub resource: BTreeMap<String, String>,
    /// The trace, in hexadecimal.
    pub trace: String,
    /// The span, in hexadecimal.
    pub span: String,
    /// The span that it is part of, in hexadecimal; empty for a root.
    pub parent: String,
    /// What it is called.
    pub name: String,
    /// Its part: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// When it began and ended, in nanoseconds.
    pub time: (u64, u64),
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
    /// Whether it says that it failed.
    pub failed: bool,
}

impl ExportRequest {
    /// Its spans, each with its resource.
    pub(super) fn spans(self) -> Vec<SeenSpan> {
        let mut seen = Vec::new();
        for ResourceSpans { resource, scope_spans } in self.resource_spans {
            let resource = texts(resource.unwrap_or_default().attributes);
            for ScopeSpans { scope, spans } in scope_spans {
                assert!(!scope.unwrap_or_default().name.is_empty(), "who made the spans?");
                seen.extend(spans.into_iter().map(|span| span.seen(&resource)));
            }
        }
        seen
    }
}

impl Span {
    fn seen(self, resource: &BTreeMap<String, String>) -> SeenSpan {
        assert_eq!((self.trace_id.len(), self.span_id.len()), (16, 8));
        assert!([0, 8].contains(&self.parent_span_id.len()));
        SeenSpan {
            resource: resource.clone(),
            trace: hex(&self.trace_id),
            span: hex(&self.span_id),
            parent: hex(&self.parent_span_id),
            name: self.name,
            kind: self.kind,
            time: (self.start_time_unix_nano, self.end_time_unix_nano),
            attributes: texts(self.attributes),
            failed: self.status.is_some_and(|status| status.code == 2),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn texts(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::Text(text)) => text,
        Some(Value::Truth(truth)) => truth.to_string(),
        Some(Value::Whole(number)) => number.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        None => panic!("an attribute without a value"),
    };
    pairs.into_iter().map(|KeyValue { key, value }| (key, text(value))).collect()
}
