//! GraphQL over HTTP: media types, methods, statuses, tokens, ids.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::fixture::{GRAPHQL_JSON, LIST, PLACE, surface};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const NEWER: (&str, &str) = ("Accept", GRAPHQL_JSON);

#[tokio::test]
async fn health_answers_by_post_and_by_get() {
    let surface = surface().await;
    for reply in [
        surface.post("{health}", &[]).await,
        surface.request("GET", "/graphql?query=%7Bhealth%7D", &[], "").await,
        surface
            .request("GET", "/graphql?query=query+A%7Bhealth%7D&operationName=A&variables=%7B%7D", &[], "")
            .await,
    ] {
        assert_eq!((reply.status, reply.json()), (200, json!({"data": {"health": "ok"}})));
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    }
}

#[tokio::test]
async fn an_offer_of_another_protocol_is_ignored() {
    let surface = surface().await;
    let text = "GET /graphql?query=%7Bhealth%7D HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n";
    assert_eq!(surface.send(text.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn only_json_that_a_foreign_page_cannot_send_is_read() {
    let surface = surface().await;
    let body = r#"{"query":"{health}"}"#;
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "application/json; charset=utf-16",
    ] {
        let reply = surface.request("POST", "/graphql", &[("Content-Type", kind)], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (415, "VALIDATION_FAILED"), "{kind}");
    }
    assert_eq!(surface.request("POST", "/graphql", &[], body).await.status, 415);
    let utf8 = ("Content-Type", "application/json; charset=UTF-8");
    assert_eq!(surface.request("POST", "/graphql", &[utf8], body).await.status, 200);
    let packed = [JSON, ("Content-Encoding", "gzip")];
    assert_eq!(surface.request("POST", "/graphql", &packed, body).await.status, 413);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let surface = surface().await;
    let large = format!(r#"{{"query":"{{health}}","variables":{{"x":"{}"}}}}"#, "x".repeat(1024 * 1024));
    let announced = surface.request("POST", "/graphql", &[JSON], &large).await;
    assert_eq!((announced.status, announced.code().as_str()), (413, "VALIDATION_FAILED"));
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    assert_eq!(surface.send(chunked.as_bytes()).await.status, 413);
}

/// What a document was validated with before changes no answer: each is the same as for a document
/// that nobody knows.
#[tokio::test]
async fn a_known_document_is_judged_as_an_unknown_one_whatever_its_variables_are() {
    let surface = surface().await;
    let known = "mutation Two($late: Boolean, $times: Int) { bump(late: $late) knock(times: $times) } \
                 query One($id: UUID!, $first: Int) { id(id: $id) things(first: $first) }";
    let id = "00000000-0000-0000-0000-000000000001";
    let good = [
        ("Two", json!({"late": true, "times": 3})),
        ("Two", json!({"late": null, "times": 7})),
        ("One", json!({"id": id, "first": 5})),
    ];
    let bad = [
        ("Two", json!({"late": "true", "times": 3})),
        ("Two", json!({"late": true, "times": 1.5})),
        ("Two", json!({"late": true, "times": [3]})),
        ("Two", json!({"late": true, "times": u64::MAX})),
        ("Two", json!({"late": true})),
        ("One", json!({"id": null, "first": 5})),
        ("One", json!({"first": 5})),
        ("One", json!({"id": 5, "first": 5})),
        ("One", json!({"id": "nonsense", "first": 5})),
        ("One", json!({"id": id, "first": "5"})),
        ("None", json!({})),
    ];
    for turn in 0..2 {
        for (at, (name, variables)) in good.iter().chain(&bad).enumerate() {
            let body = |query: &str| {
                json!({"query": query, "operationName": name, "variables": variables}).to_string()
            };
            let reply = surface.request("POST", "/graphql", &[JSON, NEWER], &body(known)).await;
            let new = body(&format!("{known} # {turn} {at}"));
            let fresh = surface.request("POST", "/graphql", &[JSON, NEWER], &new).await;
            let stripped = |mut json: serde_json::Value| {
                for error in json["errors"].as_array_mut().into_iter().flatten() {
                    error["extensions"]["requestId"].take();
                }
                json
            };
            assert_eq!(
                (reply.status, stripped(reply.json())),
                (fresh.status, stripped(fresh.json())),
                "{name} {variables}"
            );
            assert_eq!(
                reply.json().get("errors").is_none(),
                at < good.len(),
                "{name} {variables}: {}",
                reply.json()
            );
        }
    }
}

/// Half of the body is written only after the answer was made: a connection that is closed with
/// bytes unread is reset, and a reset takes the answer away from who has not read it yet.
#[tokio::test]
async fn a_client_that_is_still_sending_can_read_why_it_was_refused() {
    let surface = surface().await;
    let part = vec![b'x'; 1024 * 1024];
    for refused in ["Content-Type: application/json", "Content-Type: text/plain"] {
        let mut socket = TcpStream::connect(surface.address).await.expect("connects");
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\n{refused}\r\nContent-Length: {}\r\n\r\n",
            4 * part.len()
        );
        socket.write_all(head.as_bytes()).await.expect("writes");
        for _ in 0..4 {
            socket.write_all(&part).await.expect("is listened to");
            sleep(Duration::from_millis(50)).await;
        }
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.expect("is not reset");
        let status = String::from_utf8_lossy(&answer[..12]).into_owned();
        assert!(status == "HTTP/1.1 413" || status == "HTTP/1.1 415", "{status}");
    }
}

#[tokio::test]
async fn what_is_not_a_request_is_400_in_either_type() {
    let surface = surface().await;
    for body in [
        "",
        "{",
        "nope",
        "null",
        "1",
        "{}",
        r#"[{"query":"{health}"}]"#,
        "[]",
        r#"{"query":1}"#,
        r#"{"query":"{health}","variables":"x"}"#,
        r#"{"query":"{health}","operationName":1}"#,
        r#"{"query":"{health}","extensions":"x"}"#,
    ] {
        for headers in [&[JSON][..], &[JSON, NEWER][..]] {
            let reply = surface.request("POST", "/graphql", headers, body).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "VALIDATION_FAILED"), "{body}");
            let error = &reply.json()["errors"][0];
            assert!(error["message"].is_string() && error["extensions"]["requestId"].is_string());
        }
    }
    for nulls in [
        r#"{"query":"{health}","variables":null,"operationName":null,"extensions":null}"#,
        r#"{"query":"{health}","extensions":{"any":"thing"},"unknown":1}"#,
    ] {
        assert_eq!(surface.request("POST", "/graphql", &[JSON], nulls).await.status, 200);
    }
}

#[tokio::test]
async fn get_is_for_queries() {
    let surface = surface().await;
    let mutation = surface.request("GET", "/graphql?query=mutation%7Bbump%7D", &[], "").await;
    assert_eq!((mutation.status, mutation.header("allow")), (405, Some("GET, POST")));
    let hidden = "/graphql?query=query+A%7Bhealth%7D+mutation+B%7Bbump%7D&operationName=B";
    assert_eq!(surface.request("GET", hidden, &[], "").await.status, 405);
    assert_eq!(surface.request("GET", "/graphql", &[], "").await.status, 400);
    assert_eq!(surface.request("PUT", "/graphql", &[], "").await.status, 405);
    let subscription = surface.post("subscription{ticks(n:1)}", &[]).await;
    assert_eq!((subscription.status, subscription.code().as_str()), (400, "VALIDATION_FAILED"));
}

#[tokio::test]
async fn the_accepted_type_decides_the_status() {
    let surface = surface().await;
    assert_eq!(surface.post("{health}", &[("Accept", "text/html")]).await.status, 406);
    let newer = surface.post("{health}", &[NEWER]).await;
    assert_eq!(newer.header("content-type"), Some("application/graphql-response+json; charset=utf-8"));

    for (document, status, code) in [
        ("{", 400, "VALIDATION_FAILED"),
        ("{nothing}", 400, "VALIDATION_FAILED"),
        ("query Q($id: ID!) {health}", 400, "VALIDATION_FAILED"),
        ("{heavy}", 400, "QUERY_TOO_COMPLEX"),
        ("{me}", 401, "UNAUTHENTICATED"),
        ("{busy}", 429, "RATE_LIMITED"),
        ("{taken}", 200, "ALREADY_EXISTS"),
    ] {
        let reply = surface.post(document, &[NEWER]).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{document} {}", reply.body);
        assert_eq!(reply.json().get("data").is_none(), status == 400, "{document}");
        let older = surface.post(document, &[]).await;
        assert_eq!((older.status, older.code().as_str()), (200, code), "{document}");
    }
    let busy = surface.post("{busy}", &[NEWER]).await;
    assert_eq!(busy.header("retry-after"), Some("30"));
    assert_eq!(busy.json()["errors"][0]["extensions"]["retryAfterSeconds"], 30);
}

#[tokio::test]
async fn tokens_work_or_are_refused_without_a_reason() {
    let surface = surface().await;
    let good = surface.post("{me}", &[("Authorization", "Bearer good")]).await;
    assert_eq!(good.json()["data"]["me"], "00000000-0000-0000-0000-000000000002");
    let supplied = surface.post("{supplied}", &[("Authorization", "bearer good")]).await;
    assert_eq!(supplied.json()["data"]["supplied"], true);
    for wrong in ["Bearer bad", "Bearer", "Bearer ", "bad", "Basic good", ""] {
        let reply = surface.post("{health}", &[("Authorization", wrong)]).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "UNAUTHENTICATED"), "{wrong}");
        assert!(!reply.body.contains("signature") && !reply.body.contains("data"), "{}", reply.body);
    }
    let portal = surface.post("{health}", &[("Authorization", "Bearer portal"), NEWER]).await;
    assert_eq!((portal.status, portal.code().as_str()), (403, "FORBIDDEN"));
    let message = "This endpoint requires a 'user' token. Received 'portal' token.";
    assert_eq!(portal.json()["errors"][0]["message"], message);
}

#[tokio::test]
async fn errors_are_masked_and_keep_what_is_theirs() {
    let surface = surface().await;
    let leak = surface.post("{leak}", &[]).await;
    assert_eq!(
        (leak.code().as_str(), leak.json()["errors"][0]["message"].as_str()),
        ("INTERNAL", Some("internal error"))
    );
    assert!(!leak.body.contains("SELECT"));
    assert_eq!(leak.json()["errors"][0]["path"], json!(["leak"]));
    for nested in ["{leaks{firm}}", "{leaks{maybe}}"] {
        let leak = surface.post(nested, &[]).await;
        assert!(leak.code() == "INTERNAL" && !leak.body.contains("SELECT"), "{}", leak.body);
    }
    let taken = surface.post("{taken}", &[]).await.json();
    assert_eq!(taken["errors"][0]["extensions"]["field"], "slug");
    let changed = surface.post("{changed}", &[]).await.json();
    assert_eq!(changed["errors"][0]["extensions"]["currentVersion"], 3);
    let id = surface.post(r#"{id(id:"not-an-id")}"#, &[]).await;
    assert_eq!(id.code(), "VALIDATION_FAILED", "{}", id.body);
    let suggestion = surface.post("{healthh}", &[]).await;
    assert!(!suggestion.body.contains("Did you mean"), "{}", suggestion.body);
}

#[tokio::test]
async fn a_request_id_is_echoed_when_it_is_sane() {
    let surface = surface().await;
    let echoed = surface.post("{correlation}", &[("X-Request-Id", "abc-123")]).await;
    assert_eq!(echoed.header("x-request-id"), Some("abc-123"));
    assert_eq!(echoed.json()["data"]["correlation"], "abc-123");
    for strange in ["has space", &"x".repeat(129), ""] {
        let reply = surface.post("{leak}", &[("X-Request-Id", strange)]).await;
        let id = reply.header("x-request-id").expect("an id").to_owned();
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["requestId"], id);
    }
}

#[tokio::test]
async fn cursors_are_ours_or_refused() {
    let surface = surface().await;
    let token = surface.codec.position(&PLACE);
    let shown = surface.post("{after}", &[("X-Consistency-Token", &token)]).await;
    assert_eq!(shown.json()["data"]["after"], PLACE.position);
    let changed = format!("{}{}", if token.starts_with('A') { "B" } else { "A" }, &token[1..]);
    let refused = surface.post("{after}", &[("X-Consistency-Token", &changed)]).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "VALIDATION_FAILED"));

    let key = application::Keyset { value: Some("x".to_owned()), id: uuid::Uuid::from_u128(5) };
    let ours = surface.codec.keyset(LIST, &key);
    let page = surface.post(&format!(r#"{{things(first: 5, after: "{ours}")}}"#), &[]).await.json();
    assert!(page["data"]["things"].as_str().expect("a window").starts_with("First(5, Some"), "{page}");
    for other in [surface.codec.keyset("other:list", &key), token] {
        let reply = surface.post(&format!(r#"{{things(after: "{other}")}}"#), &[]).await.json();
        assert_eq!(reply["errors"][0]["extensions"]["code"], "VALIDATION_FAILED");
        assert_eq!(reply["errors"][0]["extensions"]["field"], "after");
        assert_eq!(reply["errors"][0]["message"], "cursor is not valid here");
    }
    for sizes in ["first: 0", "first: 101", "last: -1", "first: 1, last: 1", "first: 1000000000"] {
        let reply = surface.post(&format!("{{things({sizes})}}"), &[]).await;
        assert_eq!(reply.code(), "VALIDATION_FAILED", "{sizes}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_visible_yet_says_so() {
    let surface = surface().await;
    let shown = surface.post("mutation{bump}", &[]).await.json();
    assert_eq!(shown, json!({"data": {"bump": 1}}));
    for (argument, reason) in [("true", "LATE"), ("false", "HELD")] {
        let reply = surface.post(&format!("mutation{{bump(late:{argument})}}"), &[]).await.json();
        assert_eq!(reply["extensions"]["consistency"], json!({"shown": false, "reason": reason}));
    }
}
