//! Lines of the audit trail.

use application::{
    audit::{AuditEvent, replay::StoredEvent},
    ports::Cursor,
};
use chrono::SecondsFormat;
use domain::Timestamp;
use poem_openapi::Object;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::asker::Asker;

/// A line of the trail: an event, or `end`, `progress` or `problem`. An event as it is stored has
/// `txId`, `sequence`, `eventVersion` and `metadata` in place of who and from where.
#[derive(Object, Default)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct AuditLine {
    /// Its place: go on from here.
    cursor: String,
    /// Its running number; as text, because it may pass what a JSON number holds.
    position: Option<String>,
    /// As it is stored: the transaction that wrote it.
    tx_id: Option<String>,
    /// When it was stored.
    recorded_at: Option<Timestamp>,
    /// The stored name, as `todo.created`.
    event_type: Option<String>,
    /// As it is stored: the version of its shape.
    event_version: Option<String>,
    /// `todo`, `tag`, …
    aggregate_type: Option<String>,
    /// The aggregate; as it is stored, the whole name of its stream.
    aggregate_id: Option<String>,
    /// The aggregate's version after it.
    version: Option<i64>,
    /// As it is stored: the same.
    sequence: Option<i64>,
    /// In which tenant.
    tenant_id: Option<String>,
    /// On whose behalf.
    actor_id: Option<String>,
    /// `user`, `operator`, `api_key` or `system`.
    actor_kind: Option<String>,
    /// `user` or `portal`.
    platform: Option<String>,
    /// By which command.
    command: Option<String>,
    /// In which request.
    correlation_id: Option<String>,
    /// Because of what.
    causation_id: Option<String>,
    /// What happened; personal data is hidden. As it is stored, exactly that text.
    payload: Option<Value>,
    /// As it is stored: who, from where, by which command.
    metadata: Option<Value>,
    /// The last line.
    end: Option<bool>,
    /// On the last line: how many events there were.
    count: Option<u64>,
    /// How far a long search is, while nothing is found.
    progress: Option<Value>,
    /// What went wrong here.
    problem: Option<Value>,
}

/// An event as auditors see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Readable<'a> {
    cursor: String,
    position: String,
    recorded_at: String,
    event_type: &'a str,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    version: i64,
    tenant_id: Option<String>,
    actor_id: Option<&'a str>,
    actor_kind: &'a str,
    platform: &'a str,
    command: &'a str,
    correlation_id: &'a str,
    causation_id: &'a str,
    payload: &'a Value,
}

impl<'a> Readable<'a> {
    pub(super) fn of(asker: &Asker, event: &'a AuditEvent) -> Self {
        Self {
            cursor: asker.position(event.cursor),
            position: event.cursor.position.to_string(),
            recorded_at: time(event.recorded_at),
            event_type: &event.event_type,
            aggregate_type: &event.aggregate_type,
            aggregate_id: &event.aggregate_id,
            version: event.version,
            tenant_id: event.tenant.map(|tenant| tenant.to_string()),
            actor_id: event.actor_id.as_deref(),
            actor_kind: &event.actor_kind,
            platform: &event.platform,
            command: &event.command,
            correlation_id: &event.correlation_id,
            causation_id: &event.causation_id,
            payload: &event.payload,
        }
    }
}

/// An event exactly as it is stored.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stored<'a> {
    cursor: String,
    position: String,
    tx_id: String,
    recorded_at: String,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    sequence: i64,
    event_type: &'a str,
    event_version: &'a str,
    payload: &'a RawValue,
    metadata: &'a RawValue,
}

impl<'a> Stored<'a> {
    pub(super) fn of(asker: &Asker, event: &'a StoredEvent) -> Self {
        let Cursor { tx, position } = event.cursor;
        Self {
            cursor: asker.position(event.cursor),
            position: position.to_string(),
            tx_id: tx.to_string(),
            recorded_at: time(event.recorded_at),
            aggregate_type: &event.aggregate_type,
            aggregate_id: event.stream.as_str(),
            sequence: event.sequence,
            event_type: &event.event_type,
            event_version: &event.event_version,
            payload: &event.payload,
            metadata: &event.metadata,
        }
    }
}

/// All the digits that are stored.
fn time(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
