//! The pages: one file each, with its document, its answer and its template.

mod aggregate;
mod audit;
mod event;
mod jobs;
mod overview;
mod password;
mod projections;
mod replay;
mod sign_in;

use poem::{Endpoint, Response};

use crate::{
    ask::{NotAnswered, Visit},
    view,
};

/// What becomes of a visit.
type Shown = Result<Response, NotAnswered>;

/// Which page a visit is for.
pub(crate) async fn route<G: Endpoint>(visit: Visit<'_, G>) -> Response {
    let path = visit.path.clone();
    let words: Vec<&str> = path.split('/').collect();
    let shown = match (visit.method.as_str(), words.as_slice()) {
        ("GET", [""]) => overview::show(visit).await,
        ("GET", ["sign-in"]) => Ok(sign_in::ask(None, "")),
        ("POST", ["sign-in"]) => sign_in::password(visit).await,
        ("GET", ["second-step"]) => Ok(sign_in::ask_code(None)),
        ("POST", ["second-step"]) => sign_in::code(visit).await,
        ("POST", ["sign-out"]) => sign_in::out(visit).await,
        ("GET", ["password"]) => password::show(visit).await,
        ("POST", ["password"]) => password::change(visit).await,
        ("GET", ["audit"]) => audit::show(visit).await,
        ("GET", ["aggregates", kind, id]) => aggregate::show(visit, kind, id).await,
        ("GET", ["replay"]) => replay::show(visit).await,
        ("GET", ["projections"]) => projections::show(visit).await,
        ("POST", ["projections", act]) => projections::act(visit, act).await,
        ("GET", ["jobs"]) => jobs::show(visit).await,
        ("POST", ["jobs", act]) => jobs::act(visit, act).await,
        _ => return view::nowhere(),
    };
    shown.unwrap_or_else(view::not_answered)
}
