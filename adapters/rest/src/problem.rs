//! Problem documents (RFC 9457): the one form of every error here.

use adapter_web::{RequestId, retry_after_seconds, status_of};
use application::{BoxedError, Code};
use poem::{
    Body, Error, IntoResponse, Response,
    error::ResponseError,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    error::{ParseParamError, ParsePathError, ParseRequestPayloadError},
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{ToJSON, Type},
};

/// The media type of a problem document.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// What clients are told of what is our fault.
const INTERNAL_DETAIL: &str = "internal error";
/// What clients are told of what will pass.
const UNAVAILABLE_DETAIL: &str = "temporarily unavailable, please try again";
/// How one shows who one is, for clients that did not.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer, ApiKey");

/// Statuses of problems, and what they mean for a client.
const STATUSES: [(u16, &str); 14] = [
    (400, "`VALIDATION_FAILED`: the input breaks a rule; `field` names what."),
    (401, "`UNAUTHENTICATED`: no token or key, or one that does not work."),
    (403, "`FORBIDDEN`: a permission is missing."),
    (404, "`NOT_FOUND`: no such thing for this caller."),
    (408, "`TIMEOUT`: the body took too long to arrive."),
    (409, "`CONFLICT`, `ALREADY_EXISTS`: somebody else changed it, or a unique value is taken."),
    (412, "`CONFLICT`: it has another version than `If-Match` names; `currentVersion` says which."),
    (413, "`VALIDATION_FAILED`: the body is too large."),
    (415, "`VALIDATION_FAILED`: the body has a media type or an encoding that is not taken."),
    (429, "`RATE_LIMITED`: ask again after `Retry-After` seconds."),
    (500, "`INTERNAL`: our fault."),
    (503, "`UNAVAILABLE`: temporary; the same request may be sent again."),
    (504, "`TIMEOUT`: it took too long."),
    (405, "`VALIDATION_FAILED`: the path does not take this method; `Allow` names those it takes."),
];

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

    /// The problem of an input that breaks a rule.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed, detail)
    }

    /// The problem with the input field it speaks of.
    pub(crate) fn of_field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    /// The problem of somebody who has to wait.
    pub(crate) fn busy(detail: impl Into<String>, seconds: u64) -> Self {
        Self { retry_after_seconds: Some(seconds), ..Self::new(Code::RateLimited, detail) }
    }

    /// The problem in a request.
    pub fn in_request(self, id: &RequestId) -> Self {
        Self { request_id: Some(id.as_str().to_owned()), ..self }
    }

    /// The problem of an error of the framework: no such path, another method, a parameter that
    /// does not parse. The text of what is our fault goes to the log only.
    pub fn of_error(error: &Error) -> Self {
        let status = error.status();
        if status.is_server_error() && !error.is::<Self>() {
            tracing::error!(%error, http.status = status.as_u16(), "request failed");
        }
        if let Some(problem) = error.downcast_ref::<Self>() {
            return problem.clone();
        }
        if let Some(error) = error.downcast_ref::<ParseParamError>() {
            return Self::invalid(error.reason.clone()).of_field(error.name);
        }
        if let Some(error) = error.downcast_ref::<ParseRequestPayloadError>() {
            return Self::invalid(error.reason.clone());
        }
        if error.is::<ParsePathError>() {
            return Self::new(Code::NotFound, "there is nothing at this path");
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

    pub(crate) fn with_status(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
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
        let id = RequestId::current();
        if let Some(cause) = &problem.cause {
            let request_id = id.as_ref().map_or("-", RequestId::as_str);
            tracing::error!(request_id, code = problem.code.as_str(), error = %BoxedError(cause.as_ref()), "request failed");
        }
        Self {
            request_id: id.map(|id| id.as_str().to_owned()),
            field: problem.field.map(header_of),
            current_version: problem.current_version,
            retry_after_seconds: problem.retry_after.map(retry_after_seconds),
            ..Self::new(problem.code, problem.message)
        }
    }
}

/// The header that stands for what is an argument in GraphQL; any other field is called the same.
fn header_of(field: &str) -> String {
    if field == "idempotencyKey" { "Idempotency-Key".to_owned() } else { field.to_owned() }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        self.clone().into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = Response::builder()
            .status(status)
            .content_type(PROBLEM_CONTENT_TYPE)
            .header(header::CACHE_CONTROL, "no-store")
            .body(Body::from(self.to_json_string()));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What the document says of every operation behind a token.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let response = |(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: PROBLEM_CONTENT_TYPE, schema: Self::schema_ref() }],
            headers: Vec::new(),
        };
        MetaResponses { responses: STATUSES.into_iter().map(response).collect() }
    }

    fn register(registry: &mut Registry) {
        <Self as Type>::register(registry);
    }
}
