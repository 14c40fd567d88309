//! What an operator sees first.

use askama::Template;
use poem::Endpoint;
use serde::Deserialize;
use serde_json::json;

use super::{
    Shown,
    event::{Event, event_fields},
};
use crate::{
    ask::Visit,
    view::{self, Frame, Operator},
};

const NEWEST_EVENTS: u8 = 15;

const DOCUMENT: &str = concat!(
    "query ConsoleOverview($last: Int) { me { fullname email role } \
     auditEvents(last: $last) { totalCount nodes { ",
    event_fields!(),
    " } } projections { state lagEvents } jobs(state: DEAD, first: 1) { totalCount } }"
);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    me: Operator,
    audit_events: Events,
    projections: Vec<Projection>,
    jobs: Count,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Events {
    total_count: i64,
    nodes: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Projection {
    state: String,
    lag_events: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    total_count: i64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    events: i64,
    newest: Vec<Event>,
    projections: usize,
    stopped: usize,
    behind: usize,
    dead_jobs: i64,
}

/// The page.
pub(super) async fn show<G: Endpoint>(visit: Visit<'_, G>) -> Shown {
    let found: Found = visit.ask(DOCUMENT, json!({ "last": NEWEST_EVENTS })).await?;
    let mut newest = found.audit_events.nodes;
    newest.reverse();
    let stopped = |one: &&Projection| matches!(one.state.as_str(), "PAUSED" | "HALTED");
    Ok(view::page(&OverviewPage {
        frame: Frame::new("Overview", "overview", found.me),
        events: found.audit_events.total_count,
        newest,
        stopped: found.projections.iter().filter(stopped).count(),
        behind: found.projections.iter().filter(|one| one.lag_events > 0).count(),
        projections: found.projections.len(),
        dead_jobs: found.jobs.total_count,
    }))
}
