//! What goes out: bodies, statuses, headers.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use application::{Code, Problem};
use async_graphql::{Response as Answer, ServerError, Value};
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use poem::Response;
use serde::Serialize;

use super::{Media, Turned, failed_answer};
use crate::{
    RequestId,
    context::Asked,
    problem::{INTERNAL_MESSAGE, code_of, mask, retry_after_seconds, status_of},
    request_id::X_REQUEST_ID,
};

/// The most errors in the answer to a request that did not run: a small document with a thousand
/// mistakes must not make a large answer.
const REQUEST_ERRORS_MAX: usize = 20;

/// What the operation that ran is called.
#[derive(Clone, Default)]
pub(crate) struct OperationName {
    /// By the client, for the request log.
    pub(crate) name: Option<String>,
    /// By us, for metrics.
    pub(crate) label: Option<Arc<str>>,
}

/// An answer in wire form. A request that failed before it ran has no `data` at all.
#[derive(Serialize)]
pub(crate) struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

impl<'a> Payload<'a> {
    /// The wire form of an answer: errors masked, consistency noted.
    pub(crate) fn of(answer: &'a mut Answer, asked: &Asked, request_id: &str) -> Self {
        let failed = request_failed(answer);
        if failed {
            answer.errors.truncate(REQUEST_ERRORS_MAX);
        }
        mask(&mut answer.errors, request_id);
        if let Some(consistency) = asked.consistency() {
            answer.extensions.insert("consistency".to_owned(), consistency);
        }
        let data = (!failed).then_some(&answer.data);
        Self { data, errors: &answer.errors, extensions: &answer.extensions }
    }
}

/// Whether the request failed before anything of it ran.
pub(crate) fn request_failed(answer: &Answer) -> bool {
    answer.data == Value::Null
        && !answer.errors.is_empty()
        && answer.errors.iter().all(|error| error.path.is_empty())
}

/// An answer of the edge in place of the schema's, when an operation was cut or fell over.
pub(crate) fn whole_request_failed(problem: &Problem, id: &RequestId) -> Answer {
    failed_answer(Problem::new(problem.code, problem.message.clone()), id.as_str())
}

/// What a client is told of an operation that ran too long.
pub(crate) fn timed_out() -> Problem {
    Problem::new(Code::Timeout, "the operation took too long")
}

/// What a client is told of a panic, whose text is logged.
pub(crate) fn panicked(panic: &(dyn Any + Send), id: &RequestId) -> Problem {
    tracing::error!(request_id = id.as_str(), panic = panic_text(panic), "resolver panicked");
    Problem::new(Code::Internal, INTERNAL_MESSAGE)
}

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

pub(super) fn answered(mut answer: Answer, asked: &Arc<Asked>, id: &RequestId, media: Media) -> Response {
    let payload = Payload::of(&mut answer, asked, id.as_str());
    let body = serde_json::to_vec(&payload);
    let status = status_of_answer(&answer, media);
    let mut response = response(status, body, id, media);
    if status == StatusCode::TOO_MANY_REQUESTS
        && let Some(seconds) = answer.errors.iter().find_map(retry_after)
    {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

pub(super) fn turned(turned: Turned, id: &RequestId, media: Media) -> Response {
    let Turned { problem, status } = turned;
    let wait = problem.retry_after;
    let status = status.unwrap_or(match media {
        Media::Graphql => status_of(problem.code),
        Media::Json => StatusCode::OK,
    });
    let answer = failed_answer(problem, id.as_str());
    let payload = Payload { data: None, errors: &answer.errors, extensions: &answer.extensions };
    let mut response = response(status, serde_json::to_vec(&payload), id, media);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_seconds(wait)));
    }
    response
}

/// 200 when there is something to read; what the edge cut off has its own status in either type.
fn status_of_answer(answer: &Answer, media: Media) -> StatusCode {
    let Some(code) = common_code(&answer.errors) else {
        return if request_failed(answer) && media == Media::Graphql {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
    };
    let whole = request_failed(answer);
    match code {
        Code::Timeout | Code::Internal | Code::Unavailable if whole => status_of(code),
        _ if media == Media::Json => StatusCode::OK,
        _ if whole => status_of(code),
        Code::Unauthenticated | Code::Forbidden | Code::RateLimited if answer.data == Value::Null => {
            status_of(code)
        }
        _ => StatusCode::OK,
    }
}

/// The code that all errors have.
fn common_code(errors: &[ServerError]) -> Option<Code> {
    let (first, rest) = errors.split_first()?;
    let code = code_of(first)?;
    rest.iter().all(|error| code_of(error) == Some(code)).then_some(code)
}

fn retry_after(error: &ServerError) -> Option<u64> {
    match error.extensions.as_ref()?.get("retryAfterSeconds")? {
        Value::Number(seconds) => seconds.as_u64(),
        _ => None,
    }
}

fn response(status: StatusCode, body: serde_json::Result<Vec<u8>>, id: &RequestId, media: Media) -> Response {
    let (status, body) = match body {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(request_id = id.as_str(), %error, "an answer could not be written");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                br#"{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}"#.to_vec(),
            )
        }
    };
    let mut response = Response::from(body);
    response.set_status(status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, id.header());
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
