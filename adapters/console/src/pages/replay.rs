//! The log, played back before the operator's eyes. The script runs the subscription; this page is
//! its form and the places where it writes.

use askama::Template;
use poem::Endpoint;
use serde::Deserialize;
use serde_json::Value;

use super::{Shown, audit::FILTERS};
use crate::{
    ask::Visit,
    view::{self, Frame, Operator},
};

const DOCUMENT: &str = "query ConsoleReplay { me { fullname email role } }";

#[derive(Deserialize)]
struct Found {
    me: Operator,
}

struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "replay.html")]
struct ReplayPage {
    frame: Frame,
    fields: Vec<Field>,
}

/// The page.
pub(super) async fn show<G: Endpoint>(visit: Visit<'_, G>) -> Shown {
    let value = |name| visit.query.get(name).unwrap_or_default().to_owned();
    let fields = FILTERS.iter().map(|&(name, label, hint)| Field { name, label, hint, value: value(name) });
    let fields = fields.collect();
    let found: Found = visit.ask(DOCUMENT, Value::Null).await?;
    Ok(view::page(&ReplayPage { frame: Frame::new("Replay", "replay", found.me), fields }))
}
