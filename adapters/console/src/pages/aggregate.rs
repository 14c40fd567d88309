//! One thing through all its versions: a slider, what it was there, and what changed.

use askama::Template;
use poem::Endpoint;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shown;
use crate::{
    ask::Visit,
    view::{self, Frame, Operator, Said},
};

/// Events beside the slider: the newest ones.
const TRAIL_EVENTS: u8 = 40;
/// What is not over yet is now.
const FOREVER: &str = "9999-12-31T23:59:59Z";

const DOCUMENT: &str = "query ConsoleTimeline($type: String!, $id: ID!, $from: Int!, $to: AggregatePoint!, $last: Int) { \
    me { fullname email role } \
    auditTrail(aggregateType: $type, aggregateId: $id, last: $last) { totalCount \
    nodes { position recordedAt eventType version actorKind command } } \
    at: aggregateAt(aggregateType: $type, aggregateId: $id, version: $from, compareWith: $to) { \
    version difference { version recordedAt state changes { path before after } } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    me: Operator,
    audit_trail: Trail,
    at: Option<At>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trail {
    total_count: i64,
    nodes: Vec<Step>,
}

/// One version's event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    position: String,
    recorded_at: String,
    event_type: String,
    version: i64,
    actor_kind: String,
    command: String,
}

#[derive(Deserialize)]
struct At {
    version: i64,
    difference: Option<Difference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Difference {
    version: i64,
    recorded_at: Option<String>,
    state: Option<Value>,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    path: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl Change {
    fn before(&self) -> String {
        self.before.as_ref().map(Value::to_string).unwrap_or_default()
    }

    fn after(&self) -> String {
        self.after.as_ref().map(Value::to_string).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "aggregate.html")]
struct TimelinePage<'a> {
    frame: Frame,
    kind: &'a str,
    id: &'a str,
    versions: i64,
    steps: Vec<Step>,
    version: i64,
    against: i64,
    recorded_at: Option<String>,
    state: String,
    changes: Vec<Change>,
}

/// The page.
pub(super) async fn show<G: Endpoint>(visit: Visit<'_, G>, kind: &str, id: &str) -> Shown {
    let number = |name: &str| visit.query.get(name).and_then(|text| text.parse::<i32>().ok());
    let version = number("version");
    let against = number("against").unwrap_or_else(|| version.map_or(0, |version| (version - 1).max(0)));
    let to = version.map_or_else(|| json!({ "time": FOREVER }), |version| json!({ "version": version }));
    let variables = json!({ "type": kind, "id": id, "from": against, "to": to, "last": TRAIL_EVENTS });
    let found: Found = visit.ask(DOCUMENT, variables).await?;
    let frame = Frame::new("Timeline", "audit", found.me);
    let Some(At { version: against, difference: Some(seen) }) = found.at else {
        let said = Said::bad("There never was such a thing.");
        return Ok(view::missing(frame.saying(Some(said))));
    };
    let mut steps = found.audit_trail.nodes;
    steps.reverse();
    let state = seen.state.as_ref().and_then(|state| serde_json::to_string_pretty(state).ok());
    Ok(view::page(&TimelinePage {
        frame,
        kind,
        id,
        versions: found.audit_trail.total_count.max(seen.version),
        steps,
        version: seen.version,
        against,
        recorded_at: seen.recorded_at,
        state: state.unwrap_or_else(|| "nothing yet".to_owned()),
        changes: seen.changes,
    }))
}
