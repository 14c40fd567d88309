//! An event, as several pages show it.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    forms::{Fields, escaped},
    view,
};

/// The fields of an event, for documents.
macro_rules! event_fields {
    () => {
        "cursor position recordedAt eventType aggregateType aggregateId version tenantId actorId actorKind \
         platform command correlationId payload"
    };
}
pub(super) use event_fields;

/// An event of the log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the contract")]
pub(super) struct Event {
    pub(super) position: String,
    pub(super) recorded_at: String,
    pub(super) event_type: String,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) version: i64,
    pub(super) actor_id: Option<String>,
    pub(super) actor_kind: String,
    pub(super) platform: String,
    pub(super) command: String,
    pub(super) correlation_id: String,
    pub(super) payload: Value,
}

impl Event {
    /// The payload over several lines.
    pub(super) fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.payload).unwrap_or_default()
    }

    pub(super) fn short_id(&self) -> &str {
        view::short(&self.aggregate_id)
    }

    /// Where its aggregate is shown, as it was after it.
    pub(super) fn aggregate_href(&self) -> String {
        let (kind, id) = (escaped(&self.aggregate_type), escaped(&self.aggregate_id));
        format!("/console/aggregates/{kind}/{id}?version={}", self.version)
    }

    pub(super) fn correlation_href(&self) -> String {
        escaped(&self.correlation_id).into_owned()
    }
}

/// The fields of a query that say which page of a list is shown.
pub(super) const CURSORS: [&str; 2] = ["after", "before"];

/// Asks for the page of `size` that a query names: behind a cursor, before one, or the first.
pub(super) fn window(variables: &mut Value, query: &Fields, size: u8) {
    let (many, place) = if query.get("before").is_some() { ("last", "before") } else { ("first", "after") };
    variables[many] = size.into();
    variables[place] = query.get(place).into();
}

/// Where a page of a list ends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) has_previous_page: bool,
    pub(super) start_cursor: Option<String>,
    pub(super) end_cursor: Option<String>,
}

impl PageInfo {
    /// The links to the pages around this one.
    pub(super) fn links(&self, path: &str, query: &Fields) -> (Option<String>, Option<String>) {
        let link = |name: &str, cursor: &Option<String>| {
            Some(format!("{path}?{}", query.without(&CURSORS).with(name, cursor.as_deref())))
        };
        let earlier = self.has_previous_page.then(|| link("before", &self.start_cursor)).flatten();
        let later = self.has_next_page.then(|| link("after", &self.end_cursor)).flatten();
        (earlier, later)
    }
}
