//! The span of a request: the one that a trace begins with here.
//!
//! Names and values are ours. What a client sends is not among them, neither the path, of which any
//! part may be anything, nor the name of an operation, nor a request id of the client's own.

use application::trace::{Incoming, Kind, Span};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use crate::EdgeRules;

/// Where a caller says which trace it is in.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Begins the span of a request. Health checks have none: there are many, and they are all alike.
pub(crate) fn request_span(method: &Method, path: &str, headers: &HeaderMap, rules: &EdgeRules) -> Span {
    let route = route_of(path);
    if route == Some("/health/*") {
        return Span::none();
    }
    let method = known(method);
    let incoming = rules.trusted_traceparent.then(|| incoming(headers)).flatten();
    let named = if method == OTHER { "HTTP" } else { method };
    let mut span = match route {
        Some(route) => Span::root(Kind::Server, format_args!("{named} {route}"), incoming),
        None => Span::root(Kind::Server, format_args!("{named}"), incoming),
    };
    span.word("http.request.method", method);
    if let Some(route) = route {
        span.word("http.route", route);
    }
    span
}

/// Says how a request was answered.
pub(crate) fn answered(span: &mut Span, operation: Option<&str>, status: StatusCode) {
    span.whole("http.response.status_code", status.as_u16().into());
    if let Some(operation) = operation {
        span.text("enterprise_todo.operation", operation);
    }
    if status.is_server_error() && span.place().is_some() {
        span.fail(status.as_str().to_owned());
    }
}

/// What the hop in front of us says, which sets or removes it whoever asks. Two of them are none.
fn incoming(headers: &HeaderMap) -> Option<Incoming> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (first, more) = (values.next()?, values.next());
    more.is_none().then(|| Incoming::read(first.to_str().ok()?)).flatten()
}

/// What every method that we do not know is called.
const OTHER: &str = "_OTHER";

fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}

fn route_of(path: &str) -> Option<&'static str> {
    match path.split('/').nth(1) {
        Some("graphql") => Some("/graphql"),
        Some("health") => Some("/health/*"),
        Some("v1") => Some("/v1/*"),
        Some(".well-known") => Some("/.well-known/*"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn said(values: &[&str]) -> Option<Incoming> {
        let pair = |value: &&str| (TRACEPARENT, value.parse().expect("a value"));
        incoming(&values.iter().map(pair).collect::<Vec<_>>().into_iter().fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        ))
    }

    #[test]
    fn one_traceparent_is_read_and_several_are_none() {
        assert_eq!(said(&[HERE]).map(|read| read.place.to_string()).as_deref(), Some(HERE));
        assert_eq!(said(&[]), None);
        assert_eq!(said(&["nonsense"]), None);
        assert_eq!(said(&[HERE, HERE]), None, "whose is it?");
    }

    #[test]
    fn what_a_client_makes_up_is_in_no_name() {
        let odd = Method::from_bytes(b"ALICE").expect("a method");
        assert_eq!((known(&odd), known(&Method::POST)), (OTHER, "POST"));
        assert_eq!((route_of("/alice@people.test"), route_of("/")), (None, None));
        assert_eq!(route_of("/v1/todos/alice@people.test"), Some("/v1/*"));
    }
}
