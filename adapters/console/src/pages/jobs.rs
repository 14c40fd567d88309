//! The queue of jobs, and what becomes of those that failed.

use askama::Template;
use poem::Endpoint;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shown,
    event::{PageInfo, window},
};
use crate::{
    ask::{NotAnswered, Visit},
    forms::Fields,
    view::{self, Frame, Operator, Said},
};

const PAGE_JOBS: u8 = 40;

const DOCUMENT: &str = "query ConsoleJobs($state: JobState, $first: Int, $after: Cursor, $last: Int, $before: Cursor) { \
    me { fullname email role } \
    jobs(state: $state, first: $first, after: $after, last: $last, before: $before) { \
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } \
    nodes { id queue kind state key attempts maxAttempts lastError createdAt runAt } } }";
const RETRY: &str = "mutation ConsoleRetryJob($id: ID!) { retryJob(id: $id) { cursor } }";
const DISCARD: &str = "mutation ConsoleDiscardJob($id: ID!) { discardJob(id: $id) { cursor } }";

/// The states of jobs, as the filter offers them.
const STATES: [&str; 4] = ["WAITING", "RUNNING", "RETRYING", "DEAD"];

#[derive(Deserialize)]
struct Found {
    me: Operator,
    jobs: Jobs,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Jobs {
    total_count: i64,
    page_info: PageInfo,
    nodes: Vec<Job>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: String,
    queue: String,
    kind: String,
    state: String,
    key: Option<String>,
    attempts: i32,
    max_attempts: i32,
    last_error: Option<String>,
    created_at: String,
    run_at: String,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsPage {
    frame: Frame,
    state: String,
    states: [&'static str; 4],
    total: i64,
    jobs: Vec<Job>,
    earlier: Option<String>,
    later: Option<String>,
}

/// A page of them.
pub(super) async fn show<G: Endpoint>(visit: Visit<'_, G>) -> Shown {
    let query = visit.query.without(&["done"]);
    let said = visit.query.get("done").map(|done| Said::good(format!("Done: {done}")));
    let mut variables = json!({ "state": query.get("state") });
    window(&mut variables, &query, PAGE_JOBS);
    let found: Found = visit.ask(DOCUMENT, variables).await?;
    let (earlier, later) = found.jobs.page_info.links("/console/jobs", &query);
    Ok(view::page(&JobsPage {
        frame: Frame::new("Jobs", "jobs", found.me).saying(said),
        state: query.get("state").unwrap_or_default().to_owned(),
        states: STATES,
        total: found.jobs.total_count,
        jobs: found.jobs.nodes,
        earlier,
        later,
    }))
}

/// One of them is tried anew, or taken out.
pub(super) async fn act<G: Endpoint>(mut visit: Visit<'_, G>, act: &str) -> Shown {
    let (document, done) = match act {
        "retry" => (RETRY, "it is tried again"),
        "discard" => (DISCARD, "it is discarded"),
        _ => return Ok(view::nowhere()),
    };
    let form = visit.form().await;
    let id = form.get("id").unwrap_or_default().to_owned();
    visit.ask::<Value>(document, json!({ "id": id })).await?;
    let query = Fields::default().with("done", Some(&format!("job {id}: {done}")));
    Ok::<_, NotAnswered>(view::go(&format!("/console/jobs?{query}"), []))
}
