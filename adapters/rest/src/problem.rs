//! Problem documents (RFC 9457): the one form of every error here.

use adapter_web::{RequestId, retry_after_seconds, status_of};
use application::Code;
use poem::{
    Body, Error, IntoResponse, Response,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::Object;

/// The media type of a problem document.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// What clients are told of what is our fault.
const INTERNAL_DETAIL: &str = "internal error";
/// What clients are told of what will pass.
const UNAVAILABLE_DETAIL: &str = "temporarily unavailable, please try again";
/// What can be asked of a path that does not take what was asked. All operations here read.
const READ_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// An error as clients see it (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Problem {
    /// The kind of problem; `about:blank`: what the status says.
    #[oai(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The same code that GraphQL errors carry: `NOT_FOUND`, `VALIDATION_FAILED`, …
    pub code: String,
    /// The input field it speaks of.
    pub field: Option<String>,
    /// With `CONFLICT`: the version it has now.
    pub current_version: Option<i64>,
    /// The id of the request, to be found in the log.
    pub request_id: Option<String>,
    /// With `RATE_LIMITED`: the seconds to wait, as in the header `Retry-After`.
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem with the status that belongs to its code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::with_status(status_of(code), code, detail)
    }

    /// The problem in a request.
    pub fn in_request(self, id: &RequestId) -> Self {
        Self { request_id: Some(id.as_str().to_owned()), ..self }
    }

    /// The problem of an error of the framework: no such path, another method, a parameter that
    /// does not parse. The text of what is our fault goes to the log only.
    pub fn of_error(error: &Error) -> Self {
        let status = error.status();
        if status.is_server_error() {
            tracing::error!(%error, http.status = status.as_u16(), "request failed");
        }
        match status {
            StatusCode::NOT_FOUND => Self::new(Code::NotFound, "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::with_status(status, Code::ValidationFailed, "this path does not take this method")
            }
            StatusCode::UNAUTHORIZED => Self::new(Code::Unauthenticated, error.to_string()),
            StatusCode::FORBIDDEN => Self::new(Code::Forbidden, error.to_string()),
            StatusCode::TOO_MANY_REQUESTS => Self::new(Code::RateLimited, error.to_string()),
            StatusCode::SERVICE_UNAVAILABLE => Self::new(Code::Unavailable, UNAVAILABLE_DETAIL),
            status if status.is_server_error() => Self::new(Code::Internal, INTERNAL_DETAIL),
            status => Self::with_status(status, Code::ValidationFailed, error.to_string()),
        }
    }

    fn with_status(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.as_str().to_owned(),
            field: None,
            current_version: None,
            request_id: None,
            retry_after_seconds: None,
        }
    }
}

/// The problem of anything the application refuses or fails at; a cause is logged here.
impl From<application::Problem> for Problem {
    fn from(problem: application::Problem) -> Self {
        if let Some(cause) = &problem.cause {
            tracing::error!(code = problem.code.as_str(), error = %cause, "request failed");
        }
        Self {
            field: problem.field.map(str::to_owned),
            current_version: problem.current_version,
            retry_after_seconds: problem.retry_after.map(retry_after_seconds),
            ..Self::new(problem.code, problem.message)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = poem_openapi::types::ToJSON::to_json_string(&self);
        let mut response = Response::builder()
            .status(status)
            .content_type(PROBLEM_CONTENT_TYPE)
            .header(header::CACHE_CONTROL, "no-store")
            .body(Body::from(body));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, READ_METHODS);
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.into_response())
    }
}
