//! What is asked of a stream, what becomes of it, and what is noted beside the events.

use aws_lc_rs::digest::{SHA256, digest};
use domain::{Actor, Root, StreamId, Timestamp};
use serde::Serialize;
use serde_json::{json, value::to_raw_value};

use crate::{
    Caller, Terms,
    bus::Done,
    ports::{Cursor, IdempotencyKey, Visibility},
    trace,
};

/// What is asked of one stream, by whom, on what terms.
#[derive(Debug)]
pub struct Order<'a, A: Root> {
    /// Which stream.
    pub stream: StreamId,
    /// What is asked.
    pub intent: A::Intent,
    /// By whom.
    pub caller: &'a Caller,
    /// The command's name.
    pub name: &'static str,
    /// On what terms.
    pub terms: &'a Terms,
    /// The key of the terms and what it is used for.
    pub key: Option<IdempotencyKey>,
    /// When.
    pub at: Timestamp,
}

/// What became of a command: the state after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed<A> {
    /// The stream.
    pub stream: StreamId,
    /// The state after the command.
    pub state: A,
    /// The sequence of its last event.
    pub version: i64,
    /// The place of that event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

impl<A: Send + 'static> Done for Committed<A> {
    fn cursor(&self) -> Option<Cursor> {
        Some(self.cursor)
    }
    fn seen(&mut self, visibility: Visibility) {
        self.visibility = visibility;
    }
}

/// The key of a command's terms: nobody meets the keys of another tenant or person.
pub(crate) fn idempotency(
    caller: &Caller,
    name: &str,
    body: &impl Serialize,
    terms: &Terms,
) -> Option<IdempotencyKey> {
    let (kind, who) = actor(caller.actor);
    let tenant = caller.tenant().map(|tenant| tenant.to_string()).unwrap_or_default();
    idempotency_of(&format!("{tenant}/{kind}:{who}"), name, body, terms)
}

/// The key of somebody who is not signed in, told apart by what only that person brings.
pub(crate) fn idempotency_of(
    who: &str,
    name: &str,
    body: &impl Serialize,
    terms: &Terms,
) -> Option<IdempotencyKey> {
    let own = terms.idempotency_key.as_ref()?;
    // A body of our own types cannot fail to serialise; were it to, its name alone still binds the key.
    let body = serde_json::to_vec(&json!([name, body])).unwrap_or_else(|_| name.as_bytes().to_vec());
    let mut request_hash = [0; 32];
    request_hash.copy_from_slice(digest(&SHA256, &body).as_ref());
    Some(IdempotencyKey { key: format!("{who}/{own}"), request_hash })
}

/// What is known of an event beside its fact: flat, as cqrs-es keeps it.
pub(crate) fn metadata(
    caller: &Caller,
    command: &str,
) -> Result<Box<serde_json::value::RawValue>, crate::BoxError> {
    let (kind, who) = actor(caller.actor);
    let mut fields = json!({
        "actor_kind": kind,
        "actor_id": who,
        "platform": caller.platform.name(),
        "command": command,
        "correlation_id": caller.correlation,
        "causation_id": caller.correlation,
    });
    if let Some(fields) = fields.as_object_mut() {
        if let Some(tenant) = caller.tenant() {
            fields.insert("tenant_id".to_owned(), tenant.to_string().into());
        }
        // Whoever works on the event goes on with the trace that caused it.
        if let Some(place) = trace::current() {
            fields.insert("traceparent".to_owned(), place.to_string().into());
        }
    }
    Ok(to_raw_value(&fields)?)
}

fn actor(actor: Actor) -> (&'static str, String) {
    match actor {
        Actor::User(id) => ("user", id.to_string()),
        Actor::Operator(id) => ("operator", id.to_string()),
        Actor::ApiKey(id) => ("api_key", id.to_string()),
        Actor::System => ("system", String::new()),
    }
}
