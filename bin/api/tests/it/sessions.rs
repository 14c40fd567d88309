//! Sessions: tokens that rotate, and families that die together.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::Answer,
    person::{ME, PASSWORD, Person, REFRESH, login},
    system::shared,
};

#[tokio::test]
async fn a_refresh_token_gives_the_next_pair_on_any_node() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let mut token = Value::from(person.refresh.clone());
    for service in [&system.b, &system.a, &system.b] {
        let next = service.client().ask(REFRESH, json!({"token": token})).await;
        assert_ne!(next["refreshToken"], token);
        let me = service.client().bearer(next["accessToken"].as_str().unwrap()).ask(ME, json!({})).await;
        assert_eq!(me["id"], person.id);
        token = next["refreshToken"].clone();
    }
}

#[tokio::test]
async fn a_refresh_token_shown_again_ends_its_whole_family() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = system.a.client();
    let next = client.ask(REFRESH, json!({"token": person.refresh})).await;
    let other_family = login(&client, &person.email, PASSWORD).await;

    let old = system.b.client().refused(REFRESH, json!({"token": person.refresh})).await;
    assert_eq!(old.what(), ("UNAUTHENTICATED", ""));
    let newest = client.refused(REFRESH, json!({"token": next["refreshToken"]})).await;
    assert_eq!(newest, old, "the newest of the family is dead too, and looks alike");
    client.ask(REFRESH, json!({"token": other_family["refreshToken"]})).await;
    let revoked = format!(
        "SELECT count(*) FROM events WHERE event_type = 'user.session_revoked' AND aggregate_id LIKE '%{}'",
        person.id
    );
    assert_eq!(system.database.number(&revoked).await, 1, "it is audited");
}

#[tokio::test]
async fn of_refreshes_at_the_same_time_at_most_one_goes_on() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let answers = join_all((0..8).map(|n| {
        let client = if n % 2 == 0 { system.a.client() } else { system.b.client() };
        let variables = json!({"token": person.refresh});
        async move { client.graphql(REFRESH, variables).await.unwrap() }
    }))
    .await;
    let good: Vec<&Answer> = answers.iter().filter(|answer| answer.json().get("errors").is_none()).collect();
    assert!(good.len() <= 1, "{good:?}");
    // Seven of them showed a token that was used already.
    for answer in good {
        let token = &answer.json()["data"]["refreshToken"]["refreshToken"];
        assert_eq!(system.a.client().refused(REFRESH, json!({"token": token})).await.code, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn what_is_not_a_refresh_token_refreshes_nothing() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    for token in ["", "garbage", person.access.as_str(), &"A".repeat(107), &"A".repeat(100_000)] {
        let refused = system.a.client().refused(REFRESH, json!({"token": token})).await;
        assert_eq!(refused.what(), ("UNAUTHENTICATED", ""), "{}", token.len());
    }
    // And the real one still works.
    system.a.client().ask(REFRESH, json!({"token": person.refresh})).await;
}
