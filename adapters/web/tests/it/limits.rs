//! Documents and operations that ask for too much.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use adapter_web::{EdgeRules, ServeLimits};

use crate::fixture::{GRAPHQL_JSON, production, surface, surface_with};

#[tokio::test]
async fn bombs_are_refused_before_anything_runs() {
    let surface = surface().await;
    let aliases = (0..1_000).fold(String::from("{"), |mut text, n| {
        let _ = write!(text, "a{n}:heavy ");
        text
    }) + "}";
    let node = "next{".repeat(50) + "name" + &"}".repeat(50);
    for (name, bomb) in [
        ("aliases", aliases),
        ("sixteen aliases", (0..16).fold(String::from("{"), |text, n| format!("{text} a{n}:health")) + "}"),
        ("directives", format!("{{health {}}}", "@skip(if:false)".repeat(10_000))),
        ("depth 50", format!("{{node{{{node}}}}}")),
        ("depth 8", format!("{{node{{{}name{}}}}}", "next{".repeat(6), "}".repeat(6))),
        ("200 KB", format!("{{health}}#{}", "x".repeat(200 * 1024))),
        ("complexity", "{heavy}".to_owned()),
    ] {
        let started = Instant::now();
        let reply = surface.post(&bomb, &[("Accept", GRAPHQL_JSON)]).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "QUERY_TOO_COMPLEX"),
            "{name}: {}",
            reply.body
        );
        assert!(started.elapsed() < Duration::from_millis(500), "{name}: {:?}", started.elapsed());
    }
    let deep_enough = format!("{{node{{{}name{}}}}}", "next{".repeat(5), "}".repeat(5));
    assert_eq!(surface.post(&deep_enough, &[("Accept", GRAPHQL_JSON)]).await.status, 200);
    let cycle = "{...A} fragment A on Query {health ...A}";
    assert_eq!(surface.post(cycle, &[]).await.code(), "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_thousand_mistakes_make_a_short_answer() {
    let surface = surface().await;
    let reply = surface.post(&format!("{{health({})}}", "a:1 ".repeat(900)), &[]).await;
    assert_eq!(reply.json()["errors"].as_array().map(Vec::len), Some(20), "{}", reply.body);
}

#[tokio::test]
async fn introspection_is_for_development() {
    let query = "{__schema{types{name}}}";
    let closed = surface().await;
    for asking in [query, "{...A} fragment A on Query {__schema{types{name}}}"] {
        assert_eq!(closed.post(asking, &[]).await.code(), "VALIDATION_FAILED");
    }
    let by_name = closed.post(r#"{__type(name: "Query"){name fields{name}}}"#, &[]).await.json();
    assert_eq!(by_name, serde_json::json!({"data": {"__type": null}}));
    assert_eq!(closed.post("{__typename}", &[]).await.json()["data"]["__typename"], "Query");
    let open = surface_with(EdgeRules::development(), ServeLimits::default()).await;
    let reply = open.post(query, &[]).await.json();
    assert!(reply["data"]["__schema"]["types"].as_array().is_some_and(|types| !types.is_empty()), "{reply}");
    let reply = open.post(include_str!("introspection.graphql"), &[]).await.json();
    assert!(reply.get("errors").is_none(), "{reply}");
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_cut() {
    let rules = EdgeRules { execution: Duration::from_millis(100), ..production() };
    let surface = surface_with(rules, ServeLimits::default()).await;
    let reply = surface.post("{slow}", &[]).await;
    assert_eq!((reply.status, reply.code().as_str()), (504, "TIMEOUT"));
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let rules = EdgeRules { body_wait: Duration::from_millis(100), ..production() };
    let surface = surface_with(rules, ServeLimits::default()).await;
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{";
    assert_eq!(surface.send(head.as_bytes()).await.status, 408);
}

#[tokio::test]
async fn a_panic_is_one_bad_answer() {
    let surface = surface().await;
    let resolver = surface.post("{fall}", &[]).await;
    assert_eq!((resolver.status, resolver.code().as_str()), (500, "INTERNAL"));
    let handler = surface.request("GET", "/v1/fall", &[], "").await;
    assert_eq!((handler.status, handler.header("content-type")), (500, Some("application/problem+json")));
    for reply in [&resolver, &handler] {
        assert!(!reply.body.contains("secret"), "{}", reply.body);
    }
    assert_eq!(surface.post("{health}", &[]).await.status, 200);
}
