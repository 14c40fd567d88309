//! What all pages share: the frame around them, and answers that are pages.

use askama::Template;
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE},
};
use poem::Response;
use serde::Deserialize;

use crate::ask::NotAnswered;

/// Everything comes from here and speaks to here; nothing is inline.
const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The operator who is signed in.
#[derive(Debug, Deserialize)]
pub(crate) struct Operator {
    pub(crate) fullname: String,
    pub(crate) email: String,
    pub(crate) role: String,
}

/// What a page says about what was just done.
pub(crate) struct Said {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

impl Said {
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { kind: "bad", text: text.into() }
    }

    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { kind: "good", text: text.into() }
    }
}

/// What stands around the content of a page.
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    /// The key of the place in the navigation.
    pub(crate) active: &'static str,
    pub(crate) operator: Option<Operator>,
    pub(crate) said: Option<Said>,
}

/// A place in the navigation.
pub(crate) struct Place {
    pub(crate) key: &'static str,
    pub(crate) href: &'static str,
    pub(crate) name: &'static str,
}

const PLACES: [Place; 5] = [
    Place { key: "overview", href: "/console", name: "Overview" },
    Place { key: "audit", href: "/console/audit", name: "Audit" },
    Place { key: "replay", href: "/console/replay", name: "Replay" },
    Place { key: "projections", href: "/console/projections", name: "Projections" },
    Place { key: "jobs", href: "/console/jobs", name: "Jobs" },
];

impl Frame {
    /// The frame of a page for somebody who is signed in.
    pub(crate) fn new(title: &'static str, active: &'static str, operator: Operator) -> Self {
        Self { title, active, operator: Some(operator), said: None }
    }

    /// The frame of a page for nobody known.
    pub(crate) fn outside(title: &'static str) -> Self {
        Self { title, active: "", operator: None, said: None }
    }

    pub(crate) fn saying(self, said: Option<Said>) -> Self {
        Self { said, ..self }
    }

    /// Used by the template.
    #[expect(clippy::unused_self, reason = "templates call it on the frame")]
    pub(crate) fn places(&self) -> &'static [Place] {
        &PLACES
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    frame: Frame,
    message: String,
    request_id: Option<String>,
}

/// A page, drawn.
pub(crate) fn page(template: &impl Template) -> Response {
    drawn(template, StatusCode::OK)
}

fn drawn(template: &impl Template, status: StatusCode) -> Response {
    match template.render() {
        Ok(html) => {
            Response::builder().status(status).header(CONTENT_TYPE, "text/html; charset=utf-8").body(html)
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into()
        }
    }
}

/// To another page of the console.
pub(crate) fn go(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut response = Response::builder().status(StatusCode::SEE_OTHER).header(LOCATION, to).finish();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The page that says that something is not allowed.
pub(crate) fn refused(message: &str) -> Response {
    let page =
        RefusedPage { frame: Frame::outside("Not done"), message: message.to_owned(), request_id: None };
    secured(drawn(&page, StatusCode::FORBIDDEN))
}

/// The page for what could not be shown or done.
pub(crate) fn not_answered(error: NotAnswered) -> Response {
    let (status, message, request_id) = match error {
        NotAnswered::SignIn => return go("/console/sign-in", []),
        NotAnswered::Refused { code, message, request_id } => (status_of(&code), message, request_id),
        unreadable @ NotAnswered::Unreadable(_) => {
            tracing::error!(error = %unreadable, "the console does not understand the portal");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be shown.".to_owned(), None)
        }
    };
    drawn(&RefusedPage { frame: Frame::outside("Not done"), message, request_id }, status)
}

fn status_of(code: &str) -> StatusCode {
    match code {
        "VALIDATION_FAILED" | "QUERY_TOO_COMPLEX" => StatusCode::BAD_REQUEST,
        "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        "FORBIDDEN" => StatusCode::FORBIDDEN,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "CONFLICT" | "ALREADY_EXISTS" => StatusCode::CONFLICT,
        "RATE_LIMITED" => StatusCode::TOO_MANY_REQUESTS,
        "UNAVAILABLE" | "TIMEOUT" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage {
    frame: Frame,
}

/// The page for a thing that there never was.
pub(crate) fn missing(frame: Frame) -> Response {
    drawn(&MissingPage { frame }, StatusCode::NOT_FOUND)
}

/// The page that there is not.
pub(crate) fn nowhere() -> Response {
    let page = RefusedPage {
        frame: Frame::outside("Not found"),
        message: "There is no such page.".to_owned(),
        request_id: None,
    };
    drawn(&page, StatusCode::NOT_FOUND)
}

/// With the policy of the console's pages.
pub(crate) fn secured(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, CSP);
    response
}

/// The end of a long id, which tells ids of one time apart; their beginnings are alike.
pub(crate) fn short(id: &str) -> &str {
    const SHOWN: usize = 8;
    let from = id.char_indices().rev().nth(SHOWN - 1).map_or(0, |(at, _)| at);
    id.get(from..).unwrap_or(id)
}
