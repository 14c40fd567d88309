//! Headers on every answer, CORS, and `GraphiQL`.

use adapter_web::{EdgeRules, ServeLimits};

use crate::fixture::{Reply, surface, surface_with};

/// What every answer has, wherever it was made.
const GUARDS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-dns-prefetch-control", "off"),
];
const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const A_YEAR: &str = "max-age=31536000; includeSubDomains";

fn guarded(reply: &Reply, of: &str) {
    for (name, value) in GUARDS {
        assert_eq!(reply.header(name), Some(value), "{of}: {name}");
    }
    let devices = reply.header("permissions-policy").unwrap_or_default();
    for device in ["camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"] {
        assert!(devices.contains(device), "{of}: {devices}");
    }
    assert!(reply.header("x-request-id").is_some(), "{of}");
    for teller in ["server", "x-powered-by"] {
        assert_eq!(reply.header(teller), None, "{of} tells what it is made of");
    }
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let surface = surface().await;
    let json = [("Content-Type", "application/json")];
    let upgrade = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", "https://evil.example"),
    ];
    let asked = [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "POST")];
    let foreign = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")];
    let bearer = [json[0], ("Authorization", "Bearer nobody")];
    let other = [json[0], ("Authorization", "Bearer portal")];
    let health = r#"{"query":"{health}"}"#;
    for (status, method, path, headers, body) in [
        (200, "GET", "/graphql?query=%7Bhealth%7D", &[][..], ""),
        (200, "POST", "/graphql", &json, health),
        (400, "GET", "/graphql", &[], ""),
        (401, "POST", "/graphql", &bearer, health),
        (403, "POST", "/graphql", &other, health),
        (403, "GET", "/graphql", &upgrade, ""),
        (405, "PUT", "/graphql", &[], ""),
        (405, "TRACE", "/graphql", &[], ""),
        (406, "GET", "/graphql?query=%7Bhealth%7D", &[("Accept", "image/png")], ""),
        (413, "POST", "/graphql", &[json[0], ("Content-Encoding", "gzip")], health),
        (415, "POST", "/graphql", &[("Content-Type", "text/plain")], health),
        (204, "OPTIONS", "/graphql", &asked, ""),
        (403, "OPTIONS", "/graphql", &foreign, ""),
        (200, "GET", "/v1/anything", &[], ""),
        (500, "GET", "/v1/fall", &[], ""),
    ] {
        let reply = surface.request(method, path, headers, body).await;
        let of = format!("{method} {path} {headers:?}");
        assert_eq!(reply.status, status, "{of}: {}", reply.body);
        guarded(&reply, &of);
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{of}");
        assert_eq!(reply.header("content-security-policy"), Some(CSP), "{of}");
        assert_eq!(reply.header("strict-transport-security"), Some(A_YEAR), "{of}");
    }
}

#[tokio::test]
async fn pages_of_development_are_guarded_as_far_as_they_work() {
    let open = surface_with(EdgeRules::development(), ServeLimits::default()).await;
    for (path, keeps) in
        [("/", "no-cache"), ("/graphiql/3.9.0/graphiql.js", "public, max-age=31536000, immutable")]
    {
        let page = open.request("GET", path, &[], "").await;
        assert_eq!(page.status, 200, "{path}");
        guarded(&page, path);
        assert_eq!(page.header("cache-control"), Some(keeps), "{path}");
        let csp = page.header("content-security-policy").unwrap_or_default();
        for rule in ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(csp.contains(rule), "{path}: {csp}");
        }
    }
}

#[tokio::test]
async fn only_listed_origins_may_read_answers() {
    let surface = surface().await;
    let ask = [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "POST")];
    let asked = surface.request("OPTIONS", "/graphql", &ask, "").await;
    assert_eq!(
        (asked.status, asked.header("access-control-allow-origin")),
        (204, Some("https://app.example.com"))
    );
    assert!(
        asked.header("access-control-allow-headers").is_some_and(|names| names.contains("authorization"))
    );
    let foreign = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")];
    let refused = surface.request("OPTIONS", "/graphql", &foreign, "").await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));

    let call = surface.post("{health}", &[("Origin", "https://app.example.com")]).await;
    assert_eq!(call.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(
        (call.header("vary"), call.header("access-control-allow-credentials")),
        (Some("origin"), None)
    );
    let call = surface.post("{health}", &[("Origin", "https://evil.example")]).await;
    assert_eq!(call.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn graphiql_is_for_development() {
    let closed = surface().await;
    assert_eq!(closed.request("GET", "/", &[], "").await.body, "rest");
    assert_eq!(closed.request("GET", "/graphiql/start.js", &[], "").await.body, "rest");

    let open = surface_with(EdgeRules::development(), ServeLimits::default()).await;
    let page = open.request("GET", "/", &[], "").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("strict-transport-security"), None);
    for path in page.body.split('"').filter(|text| text.starts_with("/graphiql/")) {
        let reply = open.request("GET", path, &[], "").await;
        assert!(reply.status == 200 && !reply.body.is_empty(), "{path}");
        let kind = reply.header("content-type").expect("a type");
        let expected = if path.contains(".css") { "text/css" } else { "text/javascript" };
        assert!(kind.starts_with(expected), "{path}");
    }
    assert_eq!(open.request("GET", "/graphiql/nothing.js", &[], "").await.status, 404);
    assert_eq!(open.request("GET", "/v1/todos", &[], "").await.body, "rest");
}
