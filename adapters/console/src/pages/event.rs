//! An event, as several pages show it.

use serde::Deserialize;
use serde_json::Value;

use crate::{forms::escaped, view};

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
    pub(super) fn links(&self, path: &str, query: &crate::forms::Fields) -> (Option<String>, Option<String>) {
        let link = |name: &str, cursor: &Option<String>| {
            let other = if name == "after" { "before" } else { "after" };
            let kept = crate::forms::Fields::read(query.with(other, None).as_bytes());
            Some(format!("{path}?{}", kept.with(name, cursor.as_deref())))
        };
        let earlier = self.has_previous_page.then(|| link("before", &self.start_cursor)).flatten();
        let later = self.has_next_page.then(|| link("after", &self.end_cursor)).flatten();
        (earlier, later)
    }
}
