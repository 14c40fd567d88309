//! Tags of a tenant.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    documents::{CREATE, CREATE_TAG, DELETE_TAG, TAG, TAGS, TODO, TODOS, UPDATE_TAG, create_tag},
    person::Person,
    system::shared,
};

#[tokio::test]
async fn a_tag_lives_and_each_answer_is_what_a_query_shows() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let made = client.ask(CREATE_TAG, json!({"input": {"name": " Big & Small "}})).await;
    let id = made["tag"]["id"].clone();
    assert_eq!(
        made["tag"],
        json!({"id": id, "name": "Big & Small", "slug": "big-small", "color": "#6366f1", "version": 1})
    );
    for (input, version, field, value) in [
        (json!({"name": "Big"}), 2, "name", "Big"),
        (json!({"name": "Big"}), 2, "slug", "big-small"),
        (json!({"slug": "big"}), 3, "slug", "big"),
        (json!({"color": "#AABBCC"}), 4, "color", "#aabbcc"),
        (json!({"name": "A", "slug": "a", "color": "#000000"}), 7, "name", "A"),
        (json!({}), 7, "slug", "a"),
    ] {
        let changed = client.ask(UPDATE_TAG, json!({"id": id, "input": input})).await;
        assert_eq!(
            (&changed["version"], &changed["tag"][field]),
            (&json!(version), &json!(value)),
            "{input}"
        );
        assert_eq!(client.ask(TAG, json!({"id": id})).await, changed["tag"], "{input}");
    }
    let stale = client.refused(UPDATE_TAG, json!({"id": id, "input": {"name": "B"}, "version": 3})).await;
    assert_eq!((stale.code.as_str(), stale.current_version), ("CONFLICT", Some(7)));
    assert_eq!(client.ask(DELETE_TAG, json!({"id": id})).await["version"], 8);
    assert_eq!(client.ask(TAG, json!({"id": id})).await, Value::Null);
    let gone = client.refused(UPDATE_TAG, json!({"id": id, "input": {"name": "B"}})).await;
    assert_eq!(gone.what(), ("NOT_FOUND", ""));
}

#[tokio::test]
async fn a_deleted_tag_leaves_its_todos_and_its_slug_is_free_again() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (a, b) = (person.at(&system.a), person.at(&system.b));
    let (kept, gone) = (create_tag(&a, "Kept").await, create_tag(&a, "Gone").await);
    let made = a.ask(CREATE, json!({"input": {"text": "tagged", "tagIds": [gone, kept]}})).await;
    let slugs = |todo: &Value| -> Vec<String> {
        todo["tags"].as_array().unwrap().iter().map(|tag| tag["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(slugs(&made["todo"]), ["gone", "kept"]);
    let deleted = b.ask(DELETE_TAG, json!({"id": gone})).await;
    let shown = a.after(&deleted["cursor"]).ask(TODO, json!({"id": made["todo"]["id"]})).await;
    assert_eq!(slugs(&shown), ["kept"]);
    let refused = a.refused(CREATE, json!({"input": {"text": "other", "tagIds": [gone]}})).await;
    assert_eq!(refused.what(), ("NOT_FOUND", "tagIds"));
    let again = create_tag(&b, "Gone").await;
    assert_ne!(again, gone);
    let found = a.after(&deleted["cursor"]).ask(TODOS, json!({"filter": {"tagId": {"eq": kept}}})).await;
    assert_eq!(found["totalCount"], 1);
}

#[tokio::test]
async fn of_many_who_want_one_slug_at_once_one_gets_it() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let answers = join_all((0..16).map(|n| {
        let client = if n % 2 == 0 { person.at(&system.a) } else { person.at(&system.b) };
        let variables = json!({"input": {"name": format!("Tag {n}"), "slug": "wanted"}});
        async move { client.graphql(CREATE_TAG, variables).await.unwrap() }
    }))
    .await;
    let won = answers.iter().filter(|answer| answer.json().get("errors").is_none()).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.json().get("errors").is_some()) {
        assert_eq!(answer.refused("taken").what(), ("ALREADY_EXISTS", "slug"));
    }
    let stranger = Person::new(&system.a).await;
    stranger.at(&system.a).ask(CREATE_TAG, json!({"input": {"name": "Mine", "slug": "wanted"}})).await;
}

#[tokio::test]
async fn each_bad_field_of_a_tag_is_named() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let id = create_tag(&client, "Good").await;
    for (input, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "x".repeat(51)}), "name"),
        (json!({"name": "ok", "slug": "Upper"}), "slug"),
        (json!({"name": "ok", "slug": "-edge"}), "slug"),
        (json!({"name": "ok", "slug": "x".repeat(61)}), "slug"),
        (json!({"name": "ok", "color": "red"}), "color"),
        (json!({"name": "ok", "color": "#12345g"}), "color"),
    ] {
        let refused = client.refused(CREATE_TAG, json!({"input": input})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "{input}");
        let refused = client.refused(UPDATE_TAG, json!({"id": id, "input": input})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "update to {input}");
    }
    let unreadable = client.refused(CREATE_TAG, json!({"input": {"name": "!!!"}})).await;
    assert_eq!(unreadable.what(), ("VALIDATION_FAILED", "slug"), "no slug can be made of it");
    for field in ["name", "slug", "color"] {
        let refused = client.refused(UPDATE_TAG, json!({"id": id, "input": {field: null}})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field));
    }
}

#[tokio::test]
async fn tags_are_listed_filtered_and_sorted() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    for name in ["Beta", "Alpha", "Gamma"] {
        create_tag(&client, name).await;
    }
    let slugs = async |variables: Value| -> Vec<String> {
        let list = client.ask(TAGS, variables).await;
        list["nodes"].as_array().unwrap().iter().map(|tag| tag["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(slugs(json!({})).await, ["gamma", "alpha", "beta"], "newest first");
    assert_eq!(slugs(json!({"sort": {"field": "NAME"}})).await, ["alpha", "beta", "gamma"]);
    assert_eq!(
        slugs(json!({"sort": {"field": "SLUG", "direction": "DESC"}})).await,
        ["gamma", "beta", "alpha"]
    );
    assert_eq!(
        slugs(json!({"filter": {"name": {"like": "%A"}, "slug": {"ne": "beta"}}})).await,
        ["gamma", "alpha"]
    );
    let either = json!({"filter": {"or": [{"slug": {"eq": "beta"}}, {"name": {"in": ["Gamma"]}}]}});
    assert_eq!(slugs(either).await, ["gamma", "beta"]);
    let page = client.ask(TAGS, json!({"first": 2})).await;
    assert_eq!((&page["totalCount"], &page["pageInfo"]["hasNextPage"]), (&json!(3), &json!(true)));
    assert_eq!(slugs(json!({"first": 2, "after": page["pageInfo"]["endCursor"]})).await, ["beta"]);
}
