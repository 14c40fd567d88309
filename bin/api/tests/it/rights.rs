//! Who may what: another owner, another tenant, a role that only looks.

use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::{
        ARCHIVE, ASSIGN, COMPLETE, CREATE, CREATE_TAG, DELETE, DELETE_TAG, HISTORY, REOPEN, TAG, TAG_TODO,
        TODO, TODOS, UNTAG_TODO, UPDATE, UPDATE_TAG, create, create_tag,
    },
    person::{Person, demo_person},
    system::{demo, shared},
};

async fn cannot_touch(stranger: &Client, own: &Client, made: &Value) {
    let id = &made["todo"]["id"];
    let tag = create_tag(stranger, &format!("Tag of a stranger of {}", &id.as_str().unwrap()[28..])).await;
    let stranger = stranger.after(&made["cursor"]);
    assert_eq!(stranger.ask(TODO, json!({"id": id})).await, Value::Null);
    assert_eq!(stranger.ask(HISTORY, json!({"id": id})).await["nodes"], json!([]));
    let found = stranger.ask(TODOS, json!({"filter": {"id": {"eq": id}}})).await;
    assert_eq!((&found["nodes"], &found["totalCount"]), (&json!([]), &json!(0)));
    for (document, with) in [
        (UPDATE, json!({"text": "mine now"})),
        (ASSIGN, Value::Null),
        (TAG_TODO, json!(tag)),
        (UNTAG_TODO, json!(tag)),
        (COMPLETE, Value::Null),
        (REOPEN, Value::Null),
        (ARCHIVE, Value::Null),
        (DELETE, Value::Null),
    ] {
        let mut variables = json!({"id": id});
        if document.contains("$with") {
            variables["with"] = with;
        }
        let foreign = stranger.refused(document, variables.clone()).await;
        variables["id"] = "01890000-0000-7000-8000-000000000000".into();
        let missing = stranger.refused(document, variables.clone()).await;
        assert_eq!(foreign.what(), ("NOT_FOUND", ""), "{document}");
        assert_eq!(foreign, missing, "foreign and missing look alike");
        variables["id"] = "no id at all".into();
        assert_eq!(stranger.refused(document, variables).await.what(), ("NOT_FOUND", ""), "{document}");
    }
    assert_eq!(own.ask(TODO, json!({"id": id})).await, made["todo"], "nothing changed");
}

#[tokio::test]
async fn a_todo_of_another_tenant_does_not_exist() {
    let system = shared().await;
    let (person, stranger) = (Person::new(&system.a).await, Person::new(&system.b).await);
    assert_ne!(person.tenant, stranger.tenant);
    let own = person.at(&system.a);
    cannot_touch(&stranger.at(&system.b), &own, &create(&own, "private").await).await;
}

#[tokio::test]
async fn a_todo_of_another_owner_of_the_same_tenant_does_not_exist() {
    let system = demo().await;
    let bruno = demo_person(&system.a, "bruno").await;
    let chiara = demo_person(&system.b, "CHIARA@demo.test").await;
    cannot_touch(&chiara, &bruno, &create(&bruno, "only for Bruno").await).await;
}

#[tokio::test]
async fn tags_belong_to_the_whole_tenant_and_to_nobody_else() {
    let system = demo().await;
    let bruno = demo_person(&system.a, "bruno").await;
    let made = bruno.ask(CREATE_TAG, json!({"input": {"name": "Of Bruno"}})).await;
    let id = &made["tag"]["id"];
    let chiara = demo_person(&system.b, "chiara").await.after(&made["cursor"]);
    assert_eq!(chiara.ask(TAG, json!({"id": id})).await, made["tag"]);

    let stranger = Person::new(&system.a).await.at(&system.a).after(&made["cursor"]);
    assert_eq!(stranger.ask(TAG, json!({"id": id})).await, Value::Null);
    for (document, variables) in
        [(UPDATE_TAG, json!({"id": id, "input": {"name": "Mine"}})), (DELETE_TAG, json!({"id": id}))]
    {
        assert_eq!(stranger.refused(document, variables).await.what(), ("NOT_FOUND", ""));
    }
    assert_eq!(bruno.ask(TAG, json!({"id": id})).await, made["tag"]);
}

#[tokio::test]
async fn a_viewer_reads_and_is_told_what_is_missing_for_more() {
    let system = demo().await;
    let esi = demo_person(&system.a, "esi").await;
    assert_eq!(esi.ask(TODOS, json!({})).await["totalCount"], 0);
    for (document, variables, permission) in [
        (CREATE, json!({"input": {"text": "not allowed"}}), "create-todo"),
        (COMPLETE, json!({"id": "01890000-0000-7000-8000-000000000000"}), "update-todo"),
        (DELETE, json!({"id": "01890000-0000-7000-8000-000000000000"}), "delete-todo"),
        (CREATE_TAG, json!({"input": {"name": "not allowed"}}), "create-tag"),
    ] {
        let refused = esi.refused(document, variables).await;
        assert_eq!(
            (refused.code, refused.message),
            ("FORBIDDEN".to_owned(), format!("Missing permission: {permission}"))
        );
    }
}

#[tokio::test]
async fn nobody_known_gets_nothing() {
    let system = shared().await;
    let nobody = system.a.client();
    let id = "01890000-0000-7000-8000-000000000000";
    for (document, variables) in [
        ("{ me { id } }", json!({})),
        (TODO, json!({"id": id})),
        (TODO, json!({"id": "no id"})),
        (TODOS, json!({})),
        (HISTORY, json!({"id": id})),
        (TAG, json!({"id": id})),
        (TAG, json!({"id": "no id"})),
        ("{ tags { totalCount } }", json!({})),
        (CREATE, json!({"input": {"text": "a"}})),
        (UPDATE, json!({"id": id, "with": {"text": "a"}})),
        (ASSIGN, json!({"id": id})),
        (TAG_TODO, json!({"id": id, "with": id})),
        (UNTAG_TODO, json!({"id": id, "with": id})),
        (COMPLETE, json!({"id": id})),
        (REOPEN, json!({"id": id})),
        (ARCHIVE, json!({"id": id})),
        (DELETE, json!({"id": id})),
        (CREATE_TAG, json!({"input": {"name": "a"}})),
        (UPDATE_TAG, json!({"id": id, "input": {"name": "a"}})),
        (DELETE_TAG, json!({"id": id})),
    ] {
        let answer = nobody.graphql(document, variables).await.unwrap();
        assert_eq!(answer.refused(document).code, "UNAUTHENTICATED", "{document}");
        // `todo` and `tag` may be null, so the answer has data.
        assert!(matches!(answer.status, 200 | 401), "{document}: {}", answer.status);
    }
}
