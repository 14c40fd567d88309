//! `graphql-transport-ws`, message by message and close code by close code.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message},
};

use crate::{
    fixture::surface,
    socket::{SOON, Socket, handshake, open_with, ready, with},
};

#[tokio::test]
async fn queries_mutations_and_subscriptions_run() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    socket.subscribe("q", "{health}").await;
    assert_eq!(
        socket.next().await,
        Ok(json!({"type": "next", "id": "q", "payload": {"data": {"health": "ok"}}}))
    );
    assert_eq!(socket.next().await, Ok(json!({"type": "complete", "id": "q"})));
    socket.subscribe("m", "mutation{bump(late:true)}").await;
    let next = socket.next().await.expect("a message");
    assert_eq!(next["payload"]["extensions"]["consistency"]["reason"], "LATE");
    assert_eq!(socket.next().await, Ok(json!({"type": "complete", "id": "m"})));
    socket.subscribe("s", "subscription{ticks(n:3)}").await;
    for n in 0..3 {
        assert_eq!(socket.next().await.expect("a message")["payload"]["data"]["ticks"], n);
    }
    assert_eq!(socket.next().await, Ok(json!({"type": "complete", "id": "s"})));
    socket.say(json!({"type": "ping", "payload": {"x": 1}})).await;
    assert_eq!(socket.next().await, Ok(json!({"type": "pong", "payload": {"x": 1}})));
}

#[tokio::test]
async fn the_protocol_is_held() {
    let surface = surface().await;
    let mut early = open_with(&surface, &[]).await;
    early.subscribe("1", "{health}").await;
    assert_eq!(early.closed().await, 4401);

    let mut twice = ready(&surface).await;
    twice.say(json!({"type": "connection_init"})).await;
    assert_eq!(twice.closed().await, 4429);

    for nonsense in [
        "nope",
        "{}",
        "[]",
        r#"{"type":"start"}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
    ] {
        let mut socket = ready(&surface).await;
        socket.raw(Message::text(nonsense)).await;
        assert_eq!(socket.closed().await, 4400, "{nonsense}");
    }
    let mut binary = ready(&surface).await;
    binary.raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(binary.closed().await, 4400);

    let mut duplicate = ready(&surface).await;
    duplicate.subscribe("1", "subscription{forever}").await;
    duplicate.subscribe("1", "subscription{forever}").await;
    assert_eq!(duplicate.closed().await, 4409);
}

#[tokio::test]
async fn another_subprotocol_is_closed() {
    let surface = surface().await;
    let request = handshake(&surface, &[]);
    let mut none = Socket(connect_async(request).await.expect("upgrades").0);
    assert_eq!(none.closed().await, 4406);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_upgrade() {
    let surface = surface().await;
    for (origin, allowed) in
        [("https://app.example.com", true), ("https://evil.example", false), ("null", false)]
    {
        let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("origin", origin)];
        match connect_async(handshake(&surface, &headers)).await {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(Error::Http(response)) => assert!(!allowed && response.status() == 403, "{origin}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn silence_before_init_is_closed() {
    let surface = with(|rules| rules.init_wait = Duration::from_millis(200)).await;
    let mut socket = open_with(&surface, &[]).await;
    assert_eq!(socket.closed().await, 4408);
    let mut initialised = ready(&surface).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    initialised.subscribe("1", "{health}").await;
    assert!(initialised.next().await.is_ok());
}

#[tokio::test]
async fn tokens_are_taken_from_wherever_they_stand() {
    let surface = surface().await;
    for (headers, payload) in [
        (&[][..], json!({"Authorization": "Bearer good"})),
        (&[][..], json!({"headers": {"authorization": "Bearer good"}})),
        (&[("authorization", "Bearer good")][..], json!({})),
        (&[("authorization", "Bearer bad")][..], json!({"authorization": "Bearer good"})),
    ] {
        let mut socket = open_with(&surface, headers).await;
        socket.init(payload).await;
        socket.subscribe("1", "subscription{mine}").await;
        let next = socket.next().await.expect("a message");
        assert_eq!(next["payload"]["data"]["mine"], "00000000-0000-0000-0000-000000000002");
    }
    for refused in ["Bearer bad", "Bearer portal", "good"] {
        let mut socket = open_with(&surface, &[]).await;
        socket.say(json!({"type": "connection_init", "payload": {"Authorization": refused}})).await;
        assert_eq!(socket.closed().await, 4403, "{refused}");
    }
}

#[tokio::test]
async fn a_token_that_ends_ends_the_socket() {
    let surface = with(|rules| rules.token_recheck = Duration::from_millis(50)).await;
    let mut expiring = open_with(&surface, &[]).await;
    expiring.init(json!({"Authorization": "Bearer good"})).await;
    expiring.subscribe("1", "subscription{forever}").await;
    surface.clock.advance(3_601);
    assert_eq!(expiring.closed().await, 4403);

    surface.clock.advance(-3_601);
    let mut revoked = open_with(&surface, &[]).await;
    revoked.init(json!({"Authorization": "Bearer good"})).await;
    surface.tokens.revoked.store(true, Ordering::SeqCst);
    assert_eq!(revoked.closed().await, 4403);
}

#[tokio::test]
async fn operations_are_capped_and_their_places_freed() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    for n in 0..20 {
        socket.subscribe(&n.to_string(), "subscription{forever}").await;
    }
    for n in 0..1_000 {
        socket.subscribe(&format!("x{n}"), "subscription{forever}").await;
        let error = socket.next().await.expect("an error");
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!(format!("x{n}"))));
        assert_eq!(error["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    }
    socket.say(json!({"type": "complete", "id": "7"})).await;
    socket.subscribe("again", "{health}").await;
    assert_eq!(socket.next().await.expect("a message")["type"], "next");
    assert_eq!(socket.next().await.expect("a message")["type"], "complete");
    // The place of what completed by itself is free as well.
    socket.subscribe("7", "subscription{ticks(n:1)}").await;
    assert_eq!(socket.next().await.expect("a message")["type"], "next");
}

#[tokio::test]
async fn starting_and_completing_in_a_row_is_no_excess() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    for n in 0..500 {
        socket.subscribe(&n.to_string(), "subscription{forever}").await;
        socket.say(json!({"type": "complete", "id": n.to_string()})).await;
    }
    socket.subscribe("last", "{health}").await;
    let next = socket.next().await.expect("a message");
    assert_eq!((&next["type"], &next["id"]), (&json!("next"), &json!("last")));
}

#[tokio::test]
async fn excess_operations_sent_without_reading_get_an_error_each() {
    let surface = surface().await;
    let (mut sink, mut stream) = ready(&surface).await.0.split();
    let writing = tokio::spawn(async move {
        for n in 0..10_000 {
            let message = json!({"type": "subscribe", "id": n.to_string(), "payload": {"query": "subscription{forever}"}});
            sink.send(Message::text(message.to_string())).await.expect("sent");
        }
        sink
    });
    let mut errors = 0;
    while errors < 10_000 - 20 {
        if let Message::Text(text) =
            timeout(SOON, stream.next()).await.expect("in time").expect("open").expect("read")
        {
            assert!(text.contains("RATE_LIMITED"), "{text}");
            errors += 1;
        }
    }
    drop(writing.await.expect("all sent"));
}

#[tokio::test]
async fn refused_documents_do_not_close_the_socket() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    for (document, code) in [
        ("{", "VALIDATION_FAILED"),
        ("{nothing}", "VALIDATION_FAILED"),
        ("{heavy}", "QUERY_TOO_COMPLEX"),
        ("subscription{mine}", "UNAUTHENTICATED"),
        ("{fall}", "INTERNAL"),
    ] {
        socket.subscribe("1", document).await;
        let error = socket.next().await.expect("an error");
        assert_eq!(
            (&error["type"], &error["payload"][0]["extensions"]["code"]),
            (&json!("error"), &json!(code)),
            "{document}: {error}"
        );
        assert!(error["payload"][0]["extensions"]["requestId"].is_string());
        assert!(!error.to_string().contains("secret"));
    }
    socket.subscribe("1", "{me}").await;
    assert_eq!(
        socket.next().await.expect("a message")["payload"]["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
}

#[tokio::test]
async fn an_error_in_a_stream_keeps_its_cursor() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    socket.subscribe("1", "subscription{lost}").await;
    assert_eq!(socket.next().await.expect("a message")["payload"]["data"]["lost"], 1);
    let lost = socket.next().await.expect("a message");
    assert_eq!(lost["payload"]["errors"][0]["extensions"]["cursor"], "resume-here");
    assert_eq!(lost["payload"]["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    assert_eq!(socket.next().await.expect("a message")["type"], "complete");

    socket.subscribe("2", "subscription{falls}").await;
    assert_eq!(socket.next().await.expect("a message")["payload"]["data"]["falls"], 0);
    let fell = socket.next().await.expect("a message");
    assert_eq!(
        (&fell["type"], &fell["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("INTERNAL"))
    );
}

#[tokio::test]
async fn foreign_errors_in_streams_are_masked() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    for (n, document) in
        ["{leak}", "{leakAtOnce}", "{leakInside{firm}}", "{leakInside{maybe}}"].iter().enumerate()
    {
        socket.subscribe(&n.to_string(), &format!("subscription{document}")).await;
        let mut masked = 0;
        loop {
            let message = socket.next().await.expect("a message");
            let text = message.to_string();
            assert!(!text.contains("SELECT") && !text.contains("VALIDATION"), "{document}: {text}");
            masked += usize::from(text.contains("INTERNAL"));
            if message["type"] != "next" {
                break;
            }
        }
        assert_eq!(masked, 1, "{document}");
    }
}

#[tokio::test]
async fn a_query_on_a_socket_has_a_deadline_too() {
    let surface = with(|rules| rules.execution = Duration::from_millis(100)).await;
    let mut socket = ready(&surface).await;
    socket.subscribe("1", "{slow}").await;
    assert_eq!(socket.next().await.expect("an error")["payload"][0]["extensions"]["code"], "TIMEOUT");
}

#[tokio::test]
async fn large_messages_are_refused() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    socket.raw(Message::text("x".repeat(256 * 1024 + 1))).await;
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test]
async fn peers_are_pinged_and_the_dead_let_go() {
    let surface = with(|rules| {
        rules.ping_every = Duration::from_millis(50);
        rules.silence = Duration::from_millis(150);
    })
    .await;
    let mut alive = ready(&surface).await;
    for _ in 0..6 {
        let ping = timeout(SOON, alive.0.next()).await.expect("in time").expect("open").expect("read");
        assert!(ping.is_ping(), "{ping:?}");
    }
    // A peer that does not read does not answer either.
    let mut dead = ready(&surface).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(dead.closed().await, 1001);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let surface = with(|rules| rules.write_stall = Duration::from_millis(300)).await;
    let mut socket = ready(&surface).await;
    socket.subscribe("1", "subscription{flood}").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // What was under way still comes; then the end, with or without a last word.
    let mut received = 0_usize;
    while let Ok(Some(Ok(message))) = timeout(SOON, socket.0.next()).await {
        received += message.len();
        if message.is_close() {
            break;
        }
    }
    assert!(received < 64 * 1024 * 1024, "{received}");
    assert_eq!(surface.post("{health}", &[]).await.status, 200);
}

#[tokio::test]
async fn a_shutdown_closes_sockets() {
    let surface = surface().await;
    let mut socket = ready(&surface).await;
    socket.subscribe("1", "subscription{forever}").await;
    surface.shutdown.cancel();
    assert_eq!(socket.closed().await, 1001);
    drop(socket);
    timeout(SOON, surface.running).await.expect("ends").expect("no panic").expect("no error");
}
