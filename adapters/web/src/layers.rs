//! What every answer of a surface goes through: request id, log line, headers, panic catch.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use application::{meter, trace::Span};
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ORIGIN, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_FRAME_OPTIONS,
    },
};
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use crate::{
    Edge, RequestId, cors,
    http::{OperationName, panic_text},
    request_id::X_REQUEST_ID,
    traced::{answered, request_span},
};

/// Nothing at all: no page of ours is meant to be shown.
const CSP_PRODUCTION: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// Room for `GraphiQL` and its like, which come from here and speak to here.
const CSP_DEVELOPMENT: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// An endpoint with what every answer goes through.
pub struct Layered<E> {
    inner: E,
    edge: Arc<Edge>,
}

/// Puts the request log, the security headers, CORS and the panic catch around `endpoint`.
pub fn layers<E: Endpoint>(endpoint: E, edge: Arc<Edge>) -> Layered<E> {
    Layered { inner: endpoint, edge }
}

impl<E: Endpoint> Endpoint for Layered<E> {
    type Output = Response;

    // Not an async fn, which would hold what it is given twice: what is wanted of the request is
    // taken from it, and it is handed on.
    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let edge = &self.edge;
        let seen = Seen::of(&request, edge);
        let answering = if let Some(response) = cors::preflight(&request, &edge.rules) {
            Err(response)
        } else {
            request.extensions_mut().insert(seen.id.clone());
            Ok(self.inner.call(request))
        };
        async move {
            let response = match answering {
                Ok(answering) => {
                    let answered = seen.span.scope(AssertUnwindSafe(answering).catch_unwind()).await;
                    answered.map_or_else(
                        |panic| fallen(&*panic, &seen.id),
                        |answered| {
                            answered.map_or_else(poem::Error::into_response, IntoResponse::into_response)
                        },
                    )
                }
                Err(response) => response,
            };
            Ok(seen.finish(response, edge))
        }
    }
}

/// What is kept of a request until it is answered.
struct Seen {
    started: Instant,
    id: RequestId,
    method: Method,
    uri: Uri,
    origin: Option<HeaderValue>,
    span: Span,
}

impl Seen {
    fn of(request: &Request, edge: &Edge) -> Self {
        Self {
            started: Instant::now(),
            id: RequestId::of(request, &*edge.entropy),
            method: request.method().clone(),
            uri: request.uri().clone(),
            origin: request.headers().get(ORIGIN).cloned(),
            span: request_span(request.method(), request.uri().path(), request.headers(), &edge.rules),
        }
    }

    /// What every answer gets: headers, a line in the log, a place in the numbers.
    fn finish(self, mut response: Response, edge: &Edge) -> Response {
        let Self { started, id, method, uri, origin, mut span } = self;
        let headers = response.headers_mut();
        headers.entry(X_REQUEST_ID).or_insert_with(|| id.header());
        cors::grant(headers, origin, &edge.rules);
        secure(headers, edge.rules.production);
        let called = response.extensions().get::<OperationName>();
        let operation = called.and_then(|called| called.name.as_deref()).unwrap_or("-");
        tracing::info!(
            target: "http",
            request_id = id.as_str(),
            method = method.as_str(),
            path = uri.path(),
            operation,
            status = response.status().as_u16(),
            ms = milliseconds(started),
            trace_id = span.place().map(|place| tracing::field::display(place.trace)),
            "request"
        );
        answered(&mut span, called.and_then(|called| called.label.as_deref()), response.status());
        measured(uri.path(), called, response.status(), started);
        response
    }
}

/// The answer for a handler that fell over, whose text is logged.
fn fallen(panic: &(dyn Any + Send), id: &RequestId) -> Response {
    tracing::error!(request_id = id.as_str(), panic = panic_text(panic), "handler panicked");
    internal(id)
}

/// Counts a request. What is asked of GraphQL is known by its field, everything else by the first
/// part of its path: whole paths would be as many as clients can think of.
fn measured(path: &str, called: Option<&OperationName>, status: StatusCode, started: Instant) {
    let operation = called.and_then(|called| called.label.as_deref()).unwrap_or_else(|| part_of(path));
    meter::REQUESTS.add(1, [operation, status.as_str()]);
    meter::REQUEST_TIME.since(started, [operation]);
}

fn part_of(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("graphql") => "graphql",
        Some("health") => "rest/health",
        Some("v1") => "rest/v1",
        Some(".well-known") => "rest/well-known",
        _ => "other",
    }
}

/// On every answer, whoever made it: an answer of ours is data, to be read by who asked for it, and
/// never a page that may use a device, be framed, or be opened by another one.
const ALWAYS: [(HeaderName, HeaderValue); 8] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), HeaderValue::from_static("none")),
    (X_DNS_PREFETCH_CONTROL, HeaderValue::from_static("off")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(NO_DEVICES)),
];
/// What browsers let pages do when nobody forbids it.
const NO_DEVICES: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), \
     fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
     publickey-credentials-get=(), screen-wake-lock=(), usb=(), web-share=(), xr-spatial-tracking=()";

fn secure(headers: &mut HeaderMap, production: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    // Answers hold what only their reader may see. What may be kept says so itself.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if production {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // A page that knows what it needs may say so itself; nothing of ours asks for more than its own files.
    let policy = if production { CSP_PRODUCTION } else { CSP_DEVELOPMENT };
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
}

/// A problem document (RFC 9457) for a handler that fell over.
fn internal(id: &RequestId) -> Response {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": application::Code::Internal.as_str(),
        "requestId": id.as_str(),
    });
    let mut response = Response::from(problem.to_string());
    response.set_status(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Milliseconds with two digits after the point.
fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 100_000.0).round() / 100.0
}
