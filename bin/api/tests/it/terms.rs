//! On what terms commands are sent: idempotency keys and expected versions.

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    documents::{ARCHIVE, COMPLETE, CREATE, CREATE_TAG, TODO, TODOS, UPDATE, create},
    person::{Person, REGISTER, fresh_name, input},
    system::shared,
};

#[tokio::test]
async fn a_repeated_key_gives_the_first_answer_and_does_nothing() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (a, b) = (person.at(&system.a), person.at(&system.b));
    let variables = json!({"input": {"text": "once"}, "key": "key-1"});
    let first = a.ask(CREATE, variables.clone()).await;
    let again = join_all((0..16).map(|n| {
        let client = if n % 2 == 0 { a.clone() } else { b.clone() };
        let variables = variables.clone();
        async move { client.ask(CREATE, variables).await }
    }))
    .await;
    for answer in again {
        assert_eq!(answer, first);
    }
    assert_eq!(b.after(&first["cursor"]).ask(TODOS, json!({})).await["totalCount"], 1);

    let done = json!({"id": first["todo"]["id"], "key": "key-2", "version": 1});
    let completed = a.ask(COMPLETE, done.clone()).await;
    assert_eq!(
        b.ask(COMPLETE, done).await["version"],
        completed["version"],
        "its expected version is not stale"
    );

    let username = fresh_name();
    let register = json!({"input": input(&username), "key": format!("register-{username}")});
    let registered = system.a.client().ask(REGISTER, register.clone()).await;
    assert_eq!(system.b.client().ask(REGISTER, register).await["user"], registered["user"]);
}

#[tokio::test]
async fn of_requests_with_one_key_at_the_same_time_one_happens() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let answers = join_all((0..16).map(|n| {
        let client = if n % 2 == 0 { person.at(&system.a) } else { person.at(&system.b) };
        let variables = json!({"input": {"text": "at once"}, "key": "race"});
        async move { client.ask(CREATE, variables).await }
    }))
    .await;
    assert!(answers.iter().all(|answer| answer["todo"]["id"] == answers[0]["todo"]["id"]));
    let client = person.at(&system.a).after(&answers[0]["cursor"]);
    assert_eq!(client.ask(TODOS, json!({})).await["totalCount"], 1);
}

#[tokio::test]
async fn a_key_with_another_request_is_a_conflict_that_names_the_key() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (a, b) = (person.at(&system.a), person.at(&system.b));
    let first = a.ask(CREATE, json!({"input": {"text": "one"}, "key": "k"})).await;
    for other in [json!({"text": "two"}), json!({"text": "one", "priority": "LOW"})] {
        let refused = b.refused(CREATE, json!({"input": other, "key": "k"})).await;
        assert_eq!(refused.what(), ("CONFLICT", "idempotencyKey"), "{other}");
    }
    let other_command = b.refused(CREATE_TAG, json!({"input": {"name": "one"}, "key": "k"})).await;
    assert_eq!(other_command.what(), ("CONFLICT", "idempotencyKey"), "another command is another request");
    let stranger = Person::new(&system.a).await;
    let theirs = stranger.at(&system.a).ask(CREATE, json!({"input": {"text": "two"}, "key": "k"})).await;
    assert_ne!(theirs["todo"]["id"], first["todo"]["id"], "a key belongs to its caller");
    for key in [String::new(), "x".repeat(129)] {
        let refused = a.refused(CREATE, json!({"input": {"text": "three"}, "key": key})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "idempotencyKey"));
    }
    a.ask(CREATE, json!({"input": {"text": "four"}, "key": "ä".repeat(128)})).await;
    assert_eq!(a.ask(TODOS, json!({})).await["totalCount"], 2);
}

#[tokio::test]
async fn a_stale_expected_version_is_a_conflict_with_the_current_one() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (a, b) = (person.at(&system.a), person.at(&system.b));
    let id = create(&a, "contested").await["todo"]["id"].clone();
    let changed = a.ask(UPDATE, json!({"id": id, "with": {"priority": "LOW"}, "version": 1})).await;
    assert_eq!(changed["version"], 2);
    for stale in [0, 1, 3, i32::MAX] {
        let refused =
            b.refused(UPDATE, json!({"id": id, "with": {"priority": "HIGH"}, "version": stale})).await;
        assert_eq!((refused.what(), refused.current_version), (("CONFLICT", ""), Some(2)), "{stale}");
        let refused = b.refused(ARCHIVE, json!({"id": id, "version": stale})).await;
        assert_eq!((refused.code.as_str(), refused.current_version), ("CONFLICT", Some(2)), "{stale}");
    }
    assert_eq!(a.ask(TODO, json!({"id": id})).await, changed["todo"]);
}

#[tokio::test]
async fn of_changes_of_one_version_at_the_same_time_one_happens() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let id = create(&person.at(&system.a), "contested").await["todo"]["id"].clone();
    let answers = join_all((0..16).map(|n| {
        let client = if n % 2 == 0 { person.at(&system.a) } else { person.at(&system.b) };
        let variables = json!({"id": id, "with": {"text": format!("by {n}")}, "version": 1});
        async move { client.graphql(UPDATE, variables).await.unwrap() }
    }))
    .await;
    let won = answers.iter().filter(|answer| answer.json().get("errors").is_none()).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.json().get("errors").is_some()) {
        let refused = answer.refused("lost");
        assert_eq!((refused.code.as_str(), refused.current_version), ("CONFLICT", Some(2)));
    }
}

#[tokio::test]
async fn changes_of_one_todo_without_terms_all_happen() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let id = create(&person.at(&system.a), "popular").await["todo"]["id"].clone();
    let answers = join_all((0..16).map(|n| {
        let client = if n % 2 == 0 { person.at(&system.a) } else { person.at(&system.b) };
        let variables = json!({"id": id, "with": {"text": format!("by {n}")}});
        async move { client.graphql(UPDATE, variables).await.unwrap() }
    }))
    .await;
    let mut versions: Vec<i64> = Vec::new();
    for answer in &answers {
        match answer.json()["data"]["updateTodo"]["version"].as_i64() {
            Some(version) => versions.push(version),
            // Bounded retries may be used up; then it is said so, and nothing happened.
            None => assert_eq!(answer.refused("lost").code, "CONFLICT"),
        }
    }
    versions.sort_unstable();
    let last = 1 + i64::try_from(versions.len()).unwrap();
    assert_eq!(versions, (2..=last).collect::<Vec<_>>(), "without a gap, none twice");
    assert!(versions.len() >= 8, "most of them get through: {versions:?}");
}
