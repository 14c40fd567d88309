//! What strangers may do, and how often: 20 in a minute, whatever way they take.

use adapter_web::{EdgeRules, ServeLimits};
use serde_json::{Value, json};

use crate::{
    fixture::{GRAPHQL_JSON, Surface, production, surface, surface_with},
    socket::ready,
};

const KNOCK: &str = "mutation{knock(times:1)}";

fn knocks(count: usize) -> String {
    let aliases: Vec<String> = (0..count).map(|n| format!("k{n}:knock(times:1)")).collect();
    format!("mutation{{{}}}", aliases.join(" "))
}

/// Uses up the limit, and sees that it is used up.
async fn use_up(surface: &Surface, left: usize) {
    for _ in 0..left {
        assert_eq!(surface.post(KNOCK, &[]).await.status, 200);
    }
    assert_eq!(surface.post(KNOCK, &[]).await.status, 429);
}

#[tokio::test]
async fn the_twenty_first_use_in_a_minute_is_refused_in_either_media_type() {
    let surface = surface().await;
    use_up(&surface, 20).await;
    for accept in [GRAPHQL_JSON, "application/json"] {
        let reply = surface.post("{look}", &[("Accept", accept)]).await;
        assert_eq!((reply.status, reply.code().as_str()), (429, "RATE_LIMITED"), "{}", reply.body);
        let seconds = reply.json()["errors"][0]["extensions"]["retryAfterSeconds"].as_u64().expect("a wait");
        assert!((50..=60).contains(&seconds), "{seconds}");
        assert_eq!(reply.header("retry-after"), Some(seconds.to_string().as_str()));
        assert!(reply.json().get("data").is_none(), "nothing ran: {}", reply.body);
    }
    assert_eq!(surface.post("{health}", &[]).await.status, 200, "the rest is not limited");
}

#[tokio::test]
async fn each_alias_counts_and_a_document_over_the_limit_does_not_run_at_all() {
    let surface = surface().await;
    assert_eq!(surface.post(&knocks(15), &[]).await.status, 200);
    assert_eq!(surface.post(&knocks(6), &[]).await.status, 429);
    // The six were not counted.
    use_up(&surface, 5).await;
}

#[tokio::test]
async fn a_use_that_is_refused_for_its_input_or_fails_counts_too() {
    let surface = surface().await;
    for _ in 0..20 {
        assert_eq!(surface.post("mutation{knock}", &[]).await.code(), "VALIDATION_FAILED");
    }
    assert_eq!(surface.post("mutation{knock}", &[]).await.code(), "RATE_LIMITED");
}

#[tokio::test]
async fn fragments_and_other_operations_of_the_document_hide_nothing() {
    let surface = surface_with(EdgeRules { aliases: 30, ..production() }, ServeLimits::default()).await;
    let fragments = "mutation{...F ...F} fragment F on Mutation {a:knock(times:1) ...G} \
        fragment G on Mutation {b:knock(times:1) c:knock(times:1)}";
    assert_eq!(surface.post(fragments, &[]).await.status, 200);
    // 6 so far. Only the operation that is chosen counts.
    let body = json!({"query": format!("query Q {{look}} mutation M {knocks}", knocks = &knocks(14)[8..]), "operationName": "Q"});
    let reply =
        surface.request("POST", "/graphql", &[("Content-Type", "application/json")], &body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    use_up(&surface, 13).await;
}

#[tokio::test]
async fn over_a_socket_it_is_the_same_count() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    socket.subscribe("1", &knocks(15)).await;
    assert_eq!(socket.next().await.expect("a message")["type"], "next");
    assert_eq!(socket.next().await.expect("a message")["type"], "complete");
    use_up(&surface, 5).await;
    socket.subscribe("2", "{look}").await;
    let refused = socket.next().await.expect("a message");
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("2")));
    let extensions = &refused["payload"][0]["extensions"];
    assert_eq!(extensions["code"], "RATE_LIMITED");
    assert!(extensions["retryAfterSeconds"].as_u64().is_some_and(|seconds| seconds > 0), "{extensions}");
    socket.subscribe("3", "{health}").await;
    assert_eq!(socket.next().await.expect("a message")["payload"]["data"]["health"], "ok");
}

#[tokio::test]
async fn a_client_is_the_address_that_the_trusted_proxy_saw() {
    let surface =
        surface_with(EdgeRules { trusted_proxies: 1, ..production() }, ServeLimits::default()).await;
    for n in 0..20 {
        // What the client itself writes before it changes nothing.
        let chain = format!("10.0.0.{n}, 203.0.113.9");
        assert_eq!(surface.post(KNOCK, &[("X-Forwarded-For", &chain)]).await.status, 200);
    }
    let spoofed = [("X-Forwarded-For", "198.51.100.1, 203.0.113.9")];
    assert_eq!(surface.post(KNOCK, &spoofed).await.status, 429);
    assert_eq!(surface.post(KNOCK, &[("X-Forwarded-For", "203.0.113.9, 203.0.113.10")]).await.status, 200);
}

#[tokio::test]
async fn a_token_opens_no_way_around() {
    let surface = surface().await;
    use_up(&surface, 20).await;
    assert_eq!(surface.post(KNOCK, &[("Authorization", "Bearer good")]).await.status, 429);
}

#[tokio::test]
async fn what_is_no_request_is_not_counted() {
    let surface = surface().await;
    for _ in 0..25 {
        let reply = surface.request("POST", "/graphql", &[("Content-Type", "text/plain")], "{}").await;
        assert_eq!(reply.status, 415);
        assert_eq!(surface.request("GET", "/graphql?query=mutation%7Bknock%7D", &[], "").await.status, 405);
    }
    let reply: Value = surface.post(KNOCK, &[]).await.json();
    assert_eq!(reply["data"]["knock"], 1);
}
