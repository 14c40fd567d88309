//! A todo's life, from the first word to the end, and what is refused on the way.

use serde_json::{Value, json};

use crate::{
    documents::{
        ARCHIVE, ASSIGN, COMPLETE, CREATE, DELETE, HISTORY, REOPEN, TAG_TODO, TODO, TODOS, UNTAG_TODO,
        UPDATE, create, create_tag,
    },
    person::Person,
    system::shared,
};

#[tokio::test]
async fn a_todo_lives_through_everything_and_each_answer_is_what_a_query_shows() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let tag = create_tag(&client, "Errands").await;
    let input = json!({"text": "  buy milk ", "priority": "HIGH", "dueAt": "2031-01-02T03:04:05.678901Z", "tagIds": [tag]});
    let made = client.ask(CREATE, json!({"input": input})).await;
    let todo = &made["todo"];
    assert_eq!(todo["text"], "buy milk");
    assert_eq!((&todo["reference"], &todo["version"]), (&json!("TODO-0001"), &json!(1)));
    assert_eq!(
        (&todo["status"], &todo["done"], &todo["priority"]),
        (&json!("ACTIVE"), &json!(false), &json!("HIGH"))
    );
    assert_eq!(todo["dueAt"], "2031-01-02T03:04:05.678901+00:00");
    assert_eq!(todo["owner"], json!({"id": person.id, "username": person.username}));
    assert_eq!(todo["tags"], json!([{"id": tag, "slug": "errands"}]));
    let id = todo["id"].clone();

    let steps: [(&str, Value, i64, &str, Value); 9] = [
        (
            UPDATE,
            json!({"text": "buy oat milk", "priority": "URGENT", "dueAt": null, "tagIds": []}),
            5,
            "text",
            json!("buy oat milk"),
        ),
        (ASSIGN, json!(person.id), 6, "assignee", json!({"id": person.id})),
        (ASSIGN, json!(null), 7, "assignee", json!(null)),
        (TAG_TODO, json!(tag), 8, "tags", json!([{"id": tag, "slug": "errands"}])),
        (UNTAG_TODO, json!(tag), 9, "tags", json!([])),
        (COMPLETE, json!(null), 10, "done", json!(true)),
        (REOPEN, json!(null), 11, "done", json!(false)),
        (ARCHIVE, json!(null), 12, "status", json!("ARCHIVED")),
        (REOPEN, json!(null), 13, "status", json!("ACTIVE")),
    ];
    for (document, with, version, field, value) in steps {
        let mut variables = json!({"id": id});
        if document.contains("$with") {
            variables["with"] = with.clone();
        }
        let done = client.ask(document, variables.clone()).await;
        assert_eq!(
            (&done["version"], &done["todo"]["version"]),
            (&json!(version), &json!(version)),
            "{document}"
        );
        assert_eq!(done["todo"][field], value, "{document}");
        let shown = client.ask(TODO, json!({"id": id})).await;
        assert_eq!(shown, done["todo"], "{document}");
        // What holds already happens once only.
        let again = client.ask(document, variables).await;
        assert_eq!(again["version"], version, "{document} again");
    }

    let deleted = client.ask(DELETE, json!({"id": id})).await;
    assert_eq!(deleted["version"], 14);
    assert_eq!(client.ask(TODO, json!({"id": id})).await, Value::Null);
    assert_eq!(client.ask(TODOS, json!({})).await["totalCount"], 0);
    let refused = client.refused(UPDATE, json!({"id": id, "with": {"text": "x"}})).await;
    assert_eq!(refused.what(), ("NOT_FOUND", ""));

    let history = client.ask(HISTORY, json!({"id": id})).await;
    let changes: Vec<&str> =
        history["nodes"].as_array().unwrap().iter().map(|it| it["change"].as_str().unwrap()).collect();
    assert_eq!(
        changes,
        [
            "CREATED",
            "UPDATED",
            "UPDATED",
            "UPDATED",
            "TAGGED",
            "ASSIGNED",
            "ASSIGNED",
            "TAGGED",
            "TAGGED",
            "COMPLETED",
            "REOPENED",
            "ARCHIVED",
            "REOPENED",
            "DELETED"
        ]
    );
    for (entry, version) in history["nodes"].as_array().unwrap().iter().zip(1..) {
        assert_eq!((&entry["version"], &entry["byId"]), (&json!(version), &json!(person.id)));
        assert_eq!(entry["by"]["username"], person.username);
    }
    let page = client.ask(HISTORY, json!({"id": id, "first": 5})).await;
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let rest =
        client.ask(HISTORY, json!({"id": id, "first": 100, "after": page["pageInfo"]["endCursor"]})).await;
    assert_eq!(rest["nodes"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn what_a_todo_cannot_be_is_refused_and_nothing_happens() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let stranger = Person::new(&system.b).await;
    let foreign_tag = create_tag(&stranger.at(&system.b), "Foreign").await;
    let nobody = "01890000-0000-7000-8000-000000000000";
    let made = create(&client, "taken").await;
    let id = &made["todo"]["id"];
    let bad: [(Value, &str, &str); 14] = [
        (json!({"text": ""}), "VALIDATION_FAILED", "text"),
        (json!({"text": " \t\n"}), "VALIDATION_FAILED", "text"),
        (json!({"text": "x".repeat(501)}), "VALIDATION_FAILED", "text"),
        (json!({"text": "nul \u{0} inside"}), "VALIDATION_FAILED", "text"),
        (json!({"text": "escape \u{1b}[31m"}), "VALIDATION_FAILED", "text"),
        (json!({"text": "a", "dueAt": "-200000-01-01T00:00:00Z"}), "VALIDATION_FAILED", "dueAt"),
        (json!({"text": "taken"}), "ALREADY_EXISTS", "text"),
        (json!({"text": " taken "}), "ALREADY_EXISTS", "text"),
        (json!({"text": "a", "tagIds": [nobody]}), "NOT_FOUND", "tagIds"),
        (json!({"text": "a", "tagIds": [foreign_tag]}), "NOT_FOUND", "tagIds"),
        (json!({"text": "a", "tagIds": ["no id"]}), "VALIDATION_FAILED", "tagIds"),
        (json!({"text": "a", "assigneeId": nobody}), "NOT_FOUND", "assigneeId"),
        (json!({"text": "a", "assigneeId": stranger.id}), "NOT_FOUND", "assigneeId"),
        (json!({"text": "a", "assigneeId": "me"}), "VALIDATION_FAILED", "assigneeId"),
    ];
    for (input, code, field) in bad {
        assert_eq!(client.refused(CREATE, json!({"input": input})).await.what(), (code, field), "{input}");
        if code != "ALREADY_EXISTS" {
            let refused = client.refused(UPDATE, json!({"id": id, "with": input})).await;
            assert_eq!(refused.what(), (code, field), "update to {input}");
        }
    }
    for (field, value) in [("text", Value::Null), ("priority", Value::Null), ("tagIds", Value::Null)] {
        let refused = client.refused(UPDATE, json!({"id": id, "with": {field: value}})).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field));
    }
    let shown = client.ask(TODOS, json!({})).await;
    assert_eq!(shown["totalCount"], 1);
    assert_eq!(shown["nodes"][0], made["todo"], "nothing changed");
    let longest = client.ask(CREATE, json!({"input": {"text": "ä".repeat(500)}})).await;
    assert_eq!(longest["todo"]["reference"], "TODO-0002", "what was refused took no number");
}

#[tokio::test]
async fn one_person_has_no_two_active_todos_of_one_text() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (a, b) = (person.at(&system.a), person.at(&system.b));
    let first = create(&a, "water the plants").await;
    let other = create(&a, "something else").await;
    let change = json!({"id": other["todo"]["id"], "with": {"text": "water the plants"}});
    assert_eq!(b.refused(UPDATE, change.clone()).await.what(), ("ALREADY_EXISTS", "text"));

    // An archived one is out of the way, and cannot come back while the text is in use.
    a.ask(ARCHIVE, json!({"id": first["todo"]["id"]})).await;
    b.ask(UPDATE, change).await;
    let refused = a.refused(REOPEN, json!({"id": first["todo"]["id"]})).await;
    assert_eq!(refused.what(), ("ALREADY_EXISTS", "text"));
    b.ask(DELETE, json!({"id": other["todo"]["id"]})).await;
    a.ask(REOPEN, json!({"id": first["todo"]["id"]})).await;

    let stranger = Person::new(&system.a).await;
    create(&stranger.at(&system.a), "water the plants").await;
}

#[tokio::test]
async fn an_archived_todo_refuses_to_be_changed() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let tag = create_tag(&client, "Later").await;
    let id = create(&client, "some day").await["todo"]["id"].clone();
    client.ask(ARCHIVE, json!({"id": id})).await;
    for (document, with) in [
        (UPDATE, json!({"text": "other"})),
        (COMPLETE, Value::Null),
        (TAG_TODO, json!(tag)),
        (UNTAG_TODO, json!(tag)),
        (ASSIGN, json!(person.id)),
    ] {
        let mut variables = json!({"id": id});
        if document.contains("$with") {
            variables["with"] = with;
        }
        assert_eq!(client.refused(document, variables).await.code, "VALIDATION_FAILED", "{document}");
    }
    assert_eq!(client.ask(REOPEN, json!({"id": id})).await["version"], 3);
}
