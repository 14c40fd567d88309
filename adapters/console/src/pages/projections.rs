//! Read models and other consumers of the log: how far each is, rebuilds, dead letters.

use askama::Template;
use poem::Endpoint;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shown;
use crate::{
    ask::Visit,
    forms::Fields,
    view::{self, Frame, Operator, Said},
};

/// Dead letters that are shown; those behind them wait for the first ones anyway.
const PAGE_LETTERS: u8 = 20;

const DOCUMENT: &str = "query ConsoleProjections($first: Int) { me { fullname email role } \
    projections { name state offBecause position lagEvents lagSeconds rate lastError deadLetters rebuildable \
    rebuild { phase percent events rate secondsLeft differingRows lockedMs error } } \
    deadLetters(first: $first) { totalCount \
    nodes { id projection position aggregateType stream error attempts retrying } } }";

/// What may be done, by its name in addresses: the document, and what is said then.
const ACTS: [(&str, &str, &str); 7] = [
    ("pause", "mutation ConsolePause($of: String!) { pauseProjection(name: $of) { cursor } }", "it pauses"),
    (
        "resume",
        "mutation ConsoleResume($of: String!) { resumeProjection(name: $of) { cursor } }",
        "it goes on",
    ),
    (
        "rebuild",
        "mutation ConsoleRebuild($of: String!) { rebuildProjection(name: $of) { cursor } }",
        "it is built anew beside the one that serves",
    ),
    (
        "cancel",
        "mutation ConsoleCancel($of: String!) { cancelRebuild(name: $of) { cursor } }",
        "the rebuild is given up",
    ),
    (
        "rollback",
        "mutation ConsoleRollback($of: String!) { rollbackProjection(name: $of) { cursor } }",
        "what served before serves again",
    ),
    (
        "retry-letter",
        "mutation ConsoleRetryLetter($of: ID!) { retryDeadLetter(id: $of) { cursor } }",
        "it is tried again",
    ),
    (
        "discard-letter",
        "mutation ConsoleDiscardLetter($of: ID!) { discardDeadLetter(id: $of) { cursor } }",
        "it is passed over",
    ),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    me: Operator,
    projections: Vec<Projection>,
    dead_letters: Letters,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Projection {
    name: String,
    state: String,
    off_because: Option<String>,
    position: String,
    lag_events: i64,
    lag_seconds: f64,
    rate: f64,
    last_error: Option<String>,
    dead_letters: i64,
    rebuildable: bool,
    rebuild: Option<Rebuild>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rebuild {
    phase: String,
    percent: f64,
    events: i64,
    rate: f64,
    seconds_left: Option<f64>,
    differing_rows: Option<i64>,
    locked_ms: Option<f64>,
    error: Option<String>,
}

/// Used by the template; `console.js` says the same of what comes later.
impl Projection {
    fn is_stopped(&self) -> bool {
        matches!(self.state.as_str(), "PAUSED" | "HALTED")
    }

    fn is_being_built(&self) -> bool {
        self.rebuild.as_ref().is_some_and(Rebuild::is_under_way)
    }

    fn may_go_back(&self) -> bool {
        self.phase() == "KEPT"
    }

    fn tone(&self) -> &'static str {
        match self.state.as_str() {
            "HALTED" => "bad",
            "OFF" => "faint",
            "RUNNING" => "good",
            _ => "warn",
        }
    }

    fn phase(&self) -> &str {
        self.rebuild.as_ref().map_or("", |rebuild| &rebuild.phase)
    }

    fn percent(&self) -> f64 {
        self.rebuild.as_ref().map_or(0.0, |rebuild| rebuild.percent)
    }

    fn build(&self) -> String {
        self.rebuild.as_ref().map_or_else(String::new, Rebuild::told)
    }

    fn broken(&self) -> &str {
        self.rebuild.as_ref().and_then(|rebuild| rebuild.error.as_deref()).unwrap_or_default()
    }
}

impl Rebuild {
    fn is_under_way(&self) -> bool {
        !matches!(self.phase.as_str(), "KEPT" | "FAILED")
    }

    fn told(&self) -> String {
        let Self { percent, events, rate, .. } = self;
        if self.is_under_way() {
            let left = self.seconds_left.map(|left| format!(", {left:.0} s left")).unwrap_or_default();
            return format!("{percent:.0} %, {events} events, {rate:.0}/s{left}");
        }
        let swapped = self.locked_ms.map(|ms| format!(", swapped in {ms:.1} ms")).unwrap_or_default();
        self.differing_rows.map(|rows| format!("{rows} rows differed{swapped}")).unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Letters {
    total_count: i64,
    nodes: Vec<Letter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Letter {
    id: String,
    projection: String,
    position: String,
    aggregate_type: String,
    stream: String,
    error: String,
    attempts: i32,
    retrying: bool,
}

#[derive(Template)]
#[template(path = "projections.html")]
struct ProjectionsPage {
    frame: Frame,
    projections: Vec<Projection>,
    letters: Letters,
}

/// All of them.
pub(super) async fn show<G: Endpoint>(visit: Visit<'_, G>) -> Shown {
    let said = visit.query.get("done").map(|done| Said::good(format!("Done: {done}")));
    let found: Found = visit.ask(DOCUMENT, json!({ "first": PAGE_LETTERS })).await?;
    Ok(view::page(&ProjectionsPage {
        frame: Frame::new("Projections", "projections", found.me).saying(said),
        projections: found.projections,
        letters: found.dead_letters,
    }))
}

/// One of the acts.
pub(super) async fn act<G: Endpoint>(mut visit: Visit<'_, G>, act: &str) -> Shown {
    let Some((_, document, done)) = ACTS.iter().find(|(name, ..)| *name == act) else {
        return Ok(view::nowhere());
    };
    let form = visit.form().await;
    let of = form.get("of").unwrap_or_default().to_owned();
    visit.ask::<Value>(document, json!({ "of": of })).await?;
    let query = Fields::default().with("done", Some(&format!("{of}: {done}")));
    Ok(view::go(&format!("/console/projections?{query}"), []))
}
