//! The audit trail, searched.

use askama::Template;
use poem::Endpoint;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Shown,
    event::{CURSORS, Event, PageInfo, event_fields, window},
};
use crate::{
    ask::Visit,
    forms::Fields,
    view::{self, Frame, Operator},
};

/// Events on one page; under the 50 that weigh twice.
const PAGE_EVENTS: u8 = 40;

const DOCUMENT: &str = concat!(
    "query ConsoleAudit($filter: AuditFilter, $first: Int, $after: Cursor, $last: Int, $before: Cursor) { \
     me { fullname email role } \
     auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) { \
     totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { ",
    event_fields!(),
    " } } }"
);

/// What can be searched by: name, label, hint.
pub(super) const FILTERS: [(&str, &str, &str); 9] = [
    ("aggregateType", "Kind of thing", "todo, user, tenant …"),
    ("aggregateId", "Its id", ""),
    ("eventType", "What happened", "todo.created"),
    ("tenantId", "Tenant", ""),
    ("actorId", "By whom (id)", ""),
    ("platform", "From which surface", "user or portal"),
    ("correlationId", "Request", ""),
    ("from", "Not before", "2026-01-31T00:00:00Z"),
    ("to", "Not after", "2026-01-31T23:59:59Z"),
];

/// The filter that a query names, for variables.
pub(super) fn filter(query: &Fields) -> Value {
    let given = FILTERS.iter().filter_map(|(name, ..)| Some(((*name).to_owned(), query.get(name)?.into())));
    Value::Object(given.collect::<Map<_, _>>())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    me: Operator,
    audit_events: Events,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Events {
    total_count: i64,
    page_info: PageInfo,
    nodes: Vec<Event>,
}

struct Field<'a> {
    name: &'a str,
    label: &'a str,
    hint: &'a str,
    value: &'a str,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    frame: Frame,
    fields: Vec<Field<'a>>,
    total: i64,
    events: Vec<Event>,
    replay: String,
    earlier: Option<String>,
    later: Option<String>,
}

/// A page of it.
pub(super) async fn show<G: Endpoint>(visit: Visit<'_, G>) -> Shown {
    let query = visit.query.clone();
    let mut variables = json!({ "filter": filter(&query) });
    window(&mut variables, &query, PAGE_EVENTS);
    let found: Found = visit.ask(DOCUMENT, variables).await?;
    let (earlier, later) = found.audit_events.page_info.links("/console/audit", &query);
    let shown =
        |&(name, label, hint)| Field { name, label, hint, value: query.get(name).unwrap_or_default() };
    Ok(view::page(&AuditPage {
        frame: Frame::new("Audit", "audit", found.me),
        fields: FILTERS.iter().map(shown).collect(),
        total: found.audit_events.total_count,
        events: found.audit_events.nodes,
        replay: query.without(&CURSORS).with("", None),
        earlier,
        later,
    }))
}
