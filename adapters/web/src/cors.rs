//! Which pages may call us, as browsers ask it.

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};
use poem::{Request, Response};

use crate::EdgeRules;

/// How long a browser may remember a permission, in seconds.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, x-consistency-token, x-request-id",
);
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, x-request-id");

/// The answer to a browser that asks before it calls; `None` when this is a call itself.
pub(crate) fn preflight(request: &Request, rules: &EdgeRules) -> Option<Response> {
    let headers = request.headers();
    if request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let allowed = headers.get(ORIGIN).is_some_and(|origin| allows(rules, origin));
    let mut response = Response::default();
    response.set_status(if allowed { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN });
    if allowed {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    }
    Some(response)
}

/// Tells the browser whether its page may read the answer. Tokens travel in a header, so
/// credentials are never allowed.
pub(crate) fn grant(headers: &mut HeaderMap, origin: Option<HeaderValue>, rules: &EdgeRules) {
    let Some(origin) = origin else {
        return;
    };
    headers.append(VARY, HeaderValue::from_static("origin"));
    if allows(rules, &origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

fn allows(rules: &EdgeRules, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| rules.allows_origin(origin))
}
