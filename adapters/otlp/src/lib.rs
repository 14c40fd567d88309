//! Spans on their way to a collector: OTLP, as protobuf over HTTP.
//!
//! Spans come out of a bounded queue and leave in batches, from one task. A collector that is away,
//! slow or says no costs spans, which are counted, and nobody's time: who records a span never waits.
//!
//! # How to add a field
//!
//! In `request.rs`, with its number from `opentelemetry-proto`; `testkit`'s collector reads it with a
//! decoder of its own.
#![deny(missing_docs)]

mod connection;
mod exporter;
mod protobuf;
mod request;
mod settings;

pub use exporter::Exporter;
pub use settings::{Endpoint, OtlpSettings, SettingsError};
