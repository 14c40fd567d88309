//! Headers on every answer, CORS, and `GraphiQL`.

use adapter_web::{EdgeRules, ServeLimits};

use crate::fixture::{surface, surface_with};

#[tokio::test]
async fn every_answer_is_guarded() {
    let surface = surface().await;
    for path in ["/graphql?query=%7Bhealth%7D", "/graphql", "/v1/anything", "/v1/fall"] {
        let reply = surface.request("GET", path, &[], "").await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(
            reply.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'")
        );
        assert!(reply.header("strict-transport-security").is_some_and(|value| value.starts_with("max-age=")));
        assert!(reply.header("x-request-id").is_some(), "{path}");
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
