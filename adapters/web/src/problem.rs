//! From failures to errors on the wire. This is the only place where that happens.

use std::time::Duration;

use application::{BoxedError, Code, Failure, Problem, Refusal};
use async_graphql::{Error, ErrorExtensionValues, PathSegment, ServerError, Value};
use domain::user::Password;
use http::StatusCode;

use crate::RequestId;

/// What clients are told of what is our fault.
pub(crate) const INTERNAL_MESSAGE: &str = "internal error";

/// A password in the field `newPassword`.
pub fn new_password(raw: String) -> Result<Password, Error> {
    Password::try_from(raw).map_err(|refusal| problem(Problem::from(refusal).of_field("newPassword")))
}

/// All codes, to tell our errors from foreign ones.
const CODES: [Code; 11] = [
    Code::ValidationFailed,
    Code::Unauthenticated,
    Code::Forbidden,
    Code::NotFound,
    Code::Conflict,
    Code::AlreadyExists,
    Code::RateLimited,
    Code::QueryTooComplex,
    Code::Timeout,
    Code::Unavailable,
    Code::Internal,
];

/// How async-graphql words limits of ours, for which it has no codes; held by tests.
const TOO_COMPLEX: [&str; 4] = [
    "Query is too complex.",
    "Query is nested too deep.",
    "The recursion depth of the query",
    "The number of directives on the field",
];

/// How async-graphql words arguments that do not parse; it reports them from where they are used.
const BAD_INPUT: [&str; 3] = ["Failed to parse \"", "Expected input type \"", "Variable "];

/// The error of a failure.
pub fn failed<R: Refusal>(failure: Failure<R>) -> Error {
    problem(failure.into())
}

/// The error of a refusal.
pub fn refused<R: Refusal>(refusal: R) -> Error {
    problem(refusal.into())
}

/// The error of a problem; its cause is logged here, and goes nowhere else.
pub fn problem(problem: Problem) -> Error {
    if let Some(cause) = &problem.cause {
        let id = RequestId::current();
        let request_id = id.as_ref().map_or("-", RequestId::as_str);
        tracing::error!(request_id, code = problem.code.as_str(), error = %BoxedError(cause.as_ref()), "request failed");
    }
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", problem.code.as_str());
    if let Some(field) = problem.field {
        extensions.set("field", field);
    }
    if let Some(version) = problem.current_version {
        extensions.set("currentVersion", version);
    }
    if let Some(wait) = problem.retry_after {
        extensions.set("retryAfterSeconds", retry_after_seconds(wait));
    }
    if problem.reauthenticate {
        extensions.set("reauthenticate", true);
    }
    Error { message: problem.message, source: None, extensions: Some(extensions) }
}

/// A wait in whole seconds, rounded up: whoever waits that long has waited long enough.
pub fn retry_after_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The code a name on the wire stands for.
pub fn known_code(name: &str) -> Option<Code> {
    CODES.into_iter().find(|code| code.as_str() == name)
}

/// The HTTP status of a request that failed with `code` as a whole.
pub const fn status_of(code: Code) -> StatusCode {
    match code {
        Code::ValidationFailed | Code::QueryTooComplex => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The code an error carries.
pub(crate) fn code_of(error: &ServerError) -> Option<Code> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(name) => known_code(name),
        _ => None,
    }
}

/// The server error of a problem of the edge.
pub(crate) fn edge_error(of: Problem, request_id: &str) -> ServerError {
    let error = problem(of);
    let mut extensions = error.extensions.unwrap_or_default();
    extensions.set("requestId", request_id);
    ServerError { extensions: Some(extensions), ..ServerError::new(error.message, None) }
}

/// Gives every error a code and the request's id. What carries no code of ours is either the
/// client's document, or a fault of ours whose text only the log may have.
pub(crate) fn mask(errors: &mut [ServerError], request_id: &str) {
    for error in errors {
        if code_of(error).is_none() {
            let code = foreign_code(error);
            if code == Code::Internal {
                tracing::error!(request_id, path = %path_of(&error.path), error = %error.message, "resolver failed");
                INTERNAL_MESSAGE.clone_into(&mut error.message);
                error.extensions = None;
            }
            error.extensions.get_or_insert_default().set("code", code.as_str());
        }
        error.source = None;
        error.extensions.get_or_insert_default().set("requestId", request_id);
    }
}

fn foreign_code(error: &ServerError) -> Code {
    let starts = |words: &[&str]| words.iter().any(|start| error.message.starts_with(start));
    if error.path.is_empty() {
        // Only the checks before execution have no path.
        if starts(&TOO_COMPLEX) { Code::QueryTooComplex } else { Code::ValidationFailed }
    } else if starts(&BAD_INPUT) {
        Code::ValidationFailed
    } else {
        Code::Internal
    }
}

fn path_of(path: &[PathSegment]) -> String {
    let segments = path.iter().map(|segment| match segment {
        PathSegment::Field(name) => name.clone(),
        PathSegment::Index(index) => index.to_string(),
    });
    segments.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use application::{Never, ports::Wait};

    use super::*;

    fn masked(mut error: ServerError) -> ServerError {
        mask(std::slice::from_mut(&mut error), "r-1");
        error
    }

    #[test]
    fn a_foreign_error_from_a_resolver_is_internal_and_silent() {
        let error = ServerError::new("duplicate key value violates \"users_email\"", None)
            .with_path(vec![PathSegment::Field("me".to_owned())]);
        let error = masked(error);
        assert_eq!((error.message.as_str(), code_of(&error)), (INTERNAL_MESSAGE, Some(Code::Internal)));
        assert_eq!(
            error.extensions.and_then(|values| values.get("requestId").cloned()),
            Some(Value::from("r-1"))
        );
    }

    #[test]
    fn a_failure_keeps_its_code_and_details_and_loses_its_cause() {
        let conflict = failed(Failure::<Never>::Conflict { current_version: 7 });
        let values = conflict.extensions.expect("extensions");
        assert_eq!(values.get("code"), Some(&Value::from("CONFLICT")));
        assert_eq!(values.get("currentVersion"), Some(&Value::from(7)));

        let internal = failed(Failure::<Never>::Internal("password=hunter2".into()));
        assert_eq!(internal.message, INTERNAL_MESSAGE);
        assert!(!format!("{internal:?}").contains("hunter2"));
    }

    #[test]
    fn who_has_to_show_the_password_again_is_told_so() {
        let values = failed(Failure::<Never>::NotConfirmed).extensions.expect("extensions");
        assert_eq!(values.get("code"), Some(&Value::from("FORBIDDEN")));
        assert_eq!(values.get("reauthenticate"), Some(&Value::from(true)));
        let missing = failed(Failure::<Never>::NotInPerson).extensions.expect("extensions");
        assert_eq!(missing.get("reauthenticate"), None);
    }

    #[test]
    fn a_made_up_code_does_not_pass() {
        let mut error = ServerError::new("secret", None).with_path(vec![PathSegment::Index(0)]);
        error.extensions.get_or_insert_default().set("code", "SQLSTATE_23505");
        assert_eq!(code_of(&masked(error)), Some(Code::Internal));
    }

    #[test]
    fn waiting_time_is_rounded_up() {
        let wait = Wait(Duration::from_millis(1_200));
        let values = failed(Failure::<Never>::RateLimited(wait)).extensions.expect("extensions");
        assert_eq!(values.get("retryAfterSeconds"), Some(&Value::from(2)));
    }
}
