//! Values that databases choke on: each has an answer, and none of them is our fault.

use serde_json::{Value, json};

use crate::{
    client::Client,
    documents::{CREATE, CREATE_TAG, DELETE, HISTORY, TAG, TAGS, TODO, TODOS, create},
    person::{LOGIN, Person, REFRESH, REGISTER, VERIFY, fresh_name, input},
    portal::operator,
    system::shared,
};

const TEXTS: [&str; 7] =
    ["\u{0}", "a\u{0}b", "\\", "%\\", "\u{1b}[0m\r\n", "\u{202e}\u{feff}", "'; DROP TABLE events; --"];

/// An answer, or a mistake of the client's that is called one.
async fn is_answered(client: &Client, document: &str, variables: Value) {
    let answer = client.graphql(document, variables.clone()).await.unwrap();
    let Some(errors) = answer.json().get("errors").cloned() else { return };
    for error in errors.as_array().unwrap() {
        let code = error["extensions"]["code"].as_str().unwrap();
        let known = ["VALIDATION_FAILED", "NOT_FOUND", "ALREADY_EXISTS", "UNAUTHENTICATED", "CONFLICT"];
        assert!(known.contains(&code), "{document} {variables}: {errors}");
    }
}

#[tokio::test]
async fn odd_texts_are_answered_everywhere_on_the_user_surface() {
    let system = shared().await;
    let client = Person::new(&system.a).await.at(&system.a);
    let id = create(&client, "ordinary").await["todo"]["id"].clone();
    for text in TEXTS {
        for (document, variables) in [
            (TODO, json!({"id": text})),
            (TAG, json!({"id": text})),
            (HISTORY, json!({"id": text})),
            (HISTORY, json!({"id": id, "after": text})),
            (TODOS, json!({"after": text})),
            (TODOS, json!({"filter": {"text": {"eq": text}}})),
            (TODOS, json!({"filter": {"text": {"ne": text}}})),
            (TODOS, json!({"filter": {"text": {"in": [text]}}})),
            (TODOS, json!({"filter": {"text": {"like": text}}})),
            (TAGS, json!({"filter": {"name": {"like": text}, "slug": {"eq": text}}})),
            (CREATE, json!({"input": {"text": format!("todo {text}")}})),
            (CREATE, json!({"input": {"text": "keyed"}, "key": text})),
            (DELETE, json!({"id": text, "key": text})),
            (CREATE_TAG, json!({"input": {"name": format!("tag {text}")}})),
            (LOGIN, json!({"identifier": text, "password": text})),
            (VERIFY, json!({"token": text})),
            (REFRESH, json!({"token": text})),
        ] {
            is_answered(&client, document, variables).await;
        }
        for field in ["fullname", "username", "email", "password", "tenantName", "referralCode"] {
            let mut input = input(&fresh_name());
            input[field] = format!("Text7 {text}").into();
            is_answered(&system.a.client(), REGISTER, json!({"input": input})).await;
        }
    }
    assert_eq!(client.ask(TODO, json!({"id": id})).await["text"], "ordinary");
}

#[tokio::test]
async fn times_and_numbers_at_the_ends_are_answered() {
    let system = shared().await;
    let client = Person::new(&system.a).await.at(&system.a);
    let id = create(&client, "ordinary").await["todo"]["id"].clone();
    for at in [
        "0001-01-01T00:00:00Z",
        "-4000-01-01T00:00:00Z",
        "-200000-01-01T00:00:00Z",
        "-262143-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "+262142-12-31T23:59:59Z",
        "2030-06-30T23:59:60Z",
    ] {
        for (document, variables) in [
            (CREATE, json!({"input": {"text": format!("due {at}"), "dueAt": at}})),
            (TODOS, json!({"filter": {"dueAt": {"gt": at}}})),
            (TODOS, json!({"filter": {"createdAt": {"between": {"from": at, "to": at}}}})),
            (TODOS, json!({"filter": {"updatedAt": {"in": [at, at]}}})),
        ] {
            is_answered(&client, document, variables).await;
        }
    }
    for sort in ["DUE_AT", "CREATED_AT"] {
        let page = client.ask(TODOS, json!({"first": 1, "sort": {"field": sort}})).await;
        let next = json!({"first": 100, "sort": {"field": sort}, "after": page["pageInfo"]["endCursor"]});
        is_answered(&client, TODOS, next).await;
    }
    for version in [i32::MIN, -1, 0, i32::MAX] {
        is_answered(&client, DELETE, json!({"id": id, "version": version})).await;
    }
}

#[tokio::test]
async fn odd_values_are_answered_everywhere_on_the_portal() {
    let system = shared().await;
    let operator = operator(&system).await;
    let tenant = Person::new(&system.a).await.tenant;
    let audit = "query($filter: AuditFilter, $after: Cursor) { \
        auditEvents(first: 1, filter: $filter, after: $after) { nodes { position } totalCount } }";
    let todos = "query($tenant: ID!, $filter: AdminTodoFilter) { \
        adminTodos(tenantId: $tenant, filter: $filter) { nodes { id } totalCount } }";
    let login = "mutation($t: String!) { portalLogin(input: {email: $t, password: $t}) { accessToken } }";
    for text in TEXTS {
        let names =
            ["tenantId", "aggregateType", "aggregateId", "actorId", "eventType", "platform", "correlationId"];
        for name in names {
            is_answered(&operator, audit, json!({"filter": {name: text}})).await;
        }
        is_answered(&operator, audit, json!({"after": text})).await;
        is_answered(&operator, todos, json!({"tenant": text})).await;
        is_answered(&operator, todos, json!({"tenant": tenant, "filter": {"textLike": text}})).await;
        is_answered(&system.portal.client(), login, json!({"t": text})).await;
    }
    for at in ["-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59Z"] {
        is_answered(&operator, audit, json!({"filter": {"from": at}})).await;
        is_answered(&operator, audit, json!({"filter": {"to": at}})).await;
    }
}

#[tokio::test]
async fn odd_addresses_are_answered_by_the_outbox() {
    let system = shared().await;
    for to in ["%FF", "%27%3B--", "a%20b"] {
        let answer = system.a.client().get(&format!("/dev/outbox?to={to}")).await.unwrap();
        assert!(matches!(answer.status, 200 | 400), "{to}: {answer:?}");
    }
}
