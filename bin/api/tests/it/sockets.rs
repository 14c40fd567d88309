//! Who may hold a socket, and for how long.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    documents::create,
    person::{ME, Person},
    service::{Service, Settings},
    socket::Socket,
    system::shared,
    wait::within,
};

#[tokio::test]
async fn a_subscription_that_cannot_be_is_an_error_and_the_socket_goes_on() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let mut socket = Socket::open(&system.a, &person.access).await;
    for (id, variables) in [
        ("cursor", json!({"after": "garbage"})),
        ("filter", json!({"filter": {"id": {"eq": "no id"}}})),
        ("operator", json!({"filter": {"text": {"gt": "a"}}})),
    ] {
        socket.subscribe(id, variables).await;
        let error = socket.next().await.unwrap();
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!(id)), "{error}");
        assert_eq!(error["payload"][0]["extensions"]["code"], "VALIDATION_FAILED", "{error}");
    }
    socket.subscribe("good", json!({"after": person.cursor})).await;
    create(&person.at(&system.b), "still here").await;
    assert_eq!(socket.change().await["todo"]["text"], "still here");
}

#[tokio::test]
async fn nobody_known_follows_nothing() {
    let system = shared().await;
    let mut socket = Socket::connected(&system.a).await;
    socket.init(json!({})).await;
    assert_eq!(socket.next().await.unwrap()["type"], "connection_ack");
    socket.subscribe("1", json!({})).await;
    let error = socket.next().await.unwrap();
    assert_eq!(error["type"], "error");
    assert_eq!(error["payload"][0]["extensions"]["code"], "UNAUTHENTICATED");

    let person = Person::new(&system.a).await;
    for (service, token) in [(&system.a, "garbage"), (&system.portal, person.access.as_str())] {
        let mut socket = Socket::connected(service).await;
        socket.init(json!({"Authorization": format!("Bearer {token}")})).await;
        assert_eq!(socket.closed().await.0, 4403);
    }
}

#[tokio::test]
async fn a_token_that_expires_closes_its_socket_and_is_401_after_the_leeway() {
    let system = shared().await;
    let settings =
        Settings::user(&system.database).with("JWT_EXPIRATION_TIME", "1s").with("WORKERS", "external");
    let service = Service::ready("api", &settings).await;
    let begun = Instant::now();
    let person = Person::new(&service).await;
    assert_eq!(person.at(&service).ask(ME, json!({})).await["id"], person.id);
    let mut socket = Socket::following(&service, &person.access, &person.cursor).await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 4403, "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(8), "within the 5 s of the contract, and the lifetime");
    // Clocks of nodes differ a little: over HTTP the token works somewhat longer.
    within(Duration::from_secs(15), "401", async || {
        person.at(&service).graphql(ME, json!({})).await.unwrap().status == 401
    })
    .await;
}
