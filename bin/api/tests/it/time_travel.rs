//! What things were at any point of their past, on the portal.

mod long;

use serde_json::{Value, json};

use crate::{
    audit::audited,
    client::Client,
    documents::{COMPLETE, UPDATE, create, create_tag},
    operators::{chief, colleague},
    person::Person,
    portal::operator,
    system::shared,
};

const AT: &str = "query($type: String!, $id: ID!, $version: Int, $position: String, $time: DateTime, $with: AggregatePoint) { \
    aggregateAt(aggregateType: $type, aggregateId: $id, version: $version, position: $position, time: $time, \
    compareWith: $with) { aggregateType aggregateId tenantId version position cursor recordedAt state \
    difference { version position state changes { path before after } } } }";
const TRAIL: &str = "query($type: String!, $id: ID!, $first: Int, $after: Cursor, $last: Int) { \
    auditTrail(aggregateType: $type, aggregateId: $id, first: $first, after: $after, last: $last) { \
    nodes { eventType version position recordedAt cursor payload } pageInfo { hasNextPage endCursor } totalCount } }";
const NEWEST: &str = "query($filter: AuditFilter) { auditEvents(filter: $filter, last: 1) { \
    nodes { aggregateId version position cursor } } }";

const TODOS_AS_OF: &str = "query($tenant: ID!, $asOf: AsOf, $first: Int, $after: Cursor, $filter: AdminTodoFilter) { \
    adminTodos(tenantId: $tenant, asOf: $asOf, first: $first, after: $after, filter: $filter) { \
    nodes { text done version } pageInfo { hasNextPage endCursor } totalCount } }";
const USERS_AS_OF: &str = "query($tenant: ID!, $asOf: AsOf, $filter: UserFilter) { \
    users(tenantId: $tenant, asOf: $asOf, filter: $filter) { nodes { username status roles } totalCount } }";

/// All that happened to one thing, as an operator sees it.
async fn trail(operator: &Client, kind: &str, id: &Value) -> Vec<Value> {
    let page = operator.ask(TRAIL, json!({"type": kind, "id": id, "first": 100})).await;
    page["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_point_that_does_not_exist_or_is_named_wrongly_is_refused() {
    let system = shared().await;
    let operator = operator(&system).await;
    let person = Person::new(&system.a).await;
    let made = create(&person.at(&system.a), "not for long").await;
    audited(&system).await;
    let id = &made["todo"]["id"];
    for (more, field) in [
        (json!({}), "version"),
        (json!({"version": 1, "position": "1"}), "version"),
        (json!({"version": 1, "time": "2026-01-01T00:00:00Z"}), "version"),
        (json!({"version": 1, "with": {}}), "compareWith"),
        (json!({"version": 1, "with": {"version": 1, "position": "1"}}), "compareWith"),
        (json!({"version": 2}), "version"),
        (json!({"version": -1}), "version"),
        (json!({"version": 1, "with": {"version": 2}}), "version"),
        (json!({"position": "9223372036854775807"}), "position"),
        (json!({"position": "-1"}), "position"),
        (json!({"position": "first"}), "position"),
        (json!({"version": 1, "type": "tod"}), "aggregateType"),
        (json!({"version": 1, "id": "no id"}), "aggregateId"),
    ] {
        let mut variables = json!({"type": "todo", "id": id});
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = operator.refused(AT, variables.clone()).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "{variables}: {}", refused.message);
    }
    let unknown = operator.refused(AT, json!({"type": "tod", "id": id, "version": 1})).await;
    assert!(
        unknown.message.contains("todo, tag, user, tenant"),
        "it names those there are: {}",
        unknown.message
    );
    let refused = operator.refused(TRAIL, json!({"type": "tod", "id": id})).await;
    assert_eq!(refused.what(), ("VALIDATION_FAILED", "aggregateType"));
    let nobody =
        system.portal.client().graphql(AT, json!({"type": "todo", "id": id, "version": 1})).await.unwrap();
    assert_eq!(nobody.status, 401);
    let never = operator.ask(AT, json!({"type": "todo", "id": person.id, "version": 1})).await;
    assert_eq!(never, Value::Null, "there never was such a todo");
}

#[tokio::test]
async fn a_todo_is_seen_as_it_was_by_version_position_and_time_and_what_changed_since() {
    let system = shared().await;
    let operator = operator(&system).await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let made = create(&client, "milk").await;
    let id = made["todo"]["id"].clone();
    client.ask(UPDATE, json!({"id": id, "with": {"text": "oat milk", "priority": "HIGH"}})).await;
    let done = client.ask(COMPLETE, json!({"id": id})).await;
    let operator = operator.after(&done["cursor"]);

    let trail = trail(&operator, "todo", &id).await;
    let types: Vec<&str> = trail.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(types, ["todo.created", "todo.text_changed", "todo.prioritised", "todo.completed"]);
    let page = operator.ask(TRAIL, json!({"type": "todo", "id": id, "first": 3})).await;
    assert_eq!((&page["totalCount"], &page["pageInfo"]["hasNextPage"]), (&json!(4), &json!(true)));
    let next = json!({"type": "todo", "id": id, "first": 3, "after": page["pageInfo"]["endCursor"]});
    assert_eq!(operator.ask(TRAIL, next).await["nodes"].as_array().unwrap().as_slice(), &trail[3..]);

    let at = async |more: Value| {
        let mut variables = json!({"type": "todo", "id": id});
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        operator.ask(AT, variables).await
    };
    let created = at(json!({"version": 1})).await;
    assert_eq!(created["tenantId"], person.tenant);
    assert_eq!(
        json!([created["state"]["state"], created["state"]["text"], created["state"]["priority"]]),
        json!(["Written", "milk", "normal"])
    );
    assert_eq!((&created["cursor"], &created["difference"]), (&made["cursor"], &Value::Null));
    // The three ways to name a point lead to the same state.
    for event in &trail {
        let by_version = at(json!({"version": event["version"]})).await;
        assert_eq!(by_version["position"], event["position"]);
        assert_eq!(at(json!({"position": event["position"]})).await, by_version);
        // Events of one transaction may share their time with those before them, never with later ones.
        let by_time = at(json!({"time": event["recordedAt"]})).await;
        assert!(by_time["version"].as_i64() >= event["version"].as_i64());
    }
    let now = at(json!({"time": "2199-01-01T00:00:00Z"})).await;
    assert_eq!((&now["version"], &now["state"]["text"]), (&json!(4), &json!("oat milk")));
    // Before the first event there is nothing yet.
    for before in [json!({"version": 0}), json!({"position": "0"}), json!({"time": "2001-01-01T00:00:00Z"})] {
        let nothing = at(before).await;
        assert_eq!(
            (&nothing["version"], &nothing["state"], &nothing["cursor"]),
            (&json!(0), &Value::Null, &Value::Null)
        );
    }

    let compared = at(json!({"version": 1, "with": {"version": 3}})).await;
    let changes = compared["difference"]["changes"].as_array().unwrap();
    let told: Vec<Value> = changes.iter().filter(|it| it["path"] != "/updated_at").cloned().collect();
    let expected = json!([
        {"path": "/priority", "before": "normal", "after": "high"},
        {"path": "/text", "before": "milk", "after": "oat milk"},
    ]);
    assert_eq!(Value::from(told), expected);
    assert_eq!(compared["difference"]["state"], at(json!({"version": 3})).await["state"]);
    let back = at(json!({"version": 3, "with": {"version": 0}})).await;
    assert_eq!(back["difference"]["changes"][0]["path"], "");
    assert_eq!(at(json!({"version": 2, "with": {"version": 2}})).await["difference"]["changes"], json!([]));
}

#[tokio::test]
async fn every_aggregate_type_has_a_past() {
    let system = shared().await;
    let operator = operator(&system).await;
    colleague(&system, "SUPPORT").await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    create_tag(&client, "Past").await;
    create(&client, "with a past").await;
    let role =
        "mutation { createRole(input: {name: \"Historian\", permissions: [\"create-todo\"]}) { version } }";
    client.ask(role, json!({})).await;
    let key = "mutation { createApiKey(input: {name: \"ci\", permissions: [\"create-todo\"]}) { version } }";
    client.ask(key, json!({})).await;
    operator.ask("{ operators { totalCount } }", json!({})).await;
    audited(&system).await;

    let refused = operator.refused(AT, json!({"type": "?", "id": person.id, "version": 1})).await;
    let known = refused.message.split_once("one of ").unwrap().1;
    for kind in known.split(", ") {
        let newest = operator.ask(NEWEST, json!({"filter": {"aggregateType": kind}})).await;
        let newest = &newest["nodes"][0];
        assert!(newest["aggregateId"].is_string(), "nothing ever happened to a {kind}");
        let at = json!({"type": kind, "id": newest["aggregateId"], "version": newest["version"], "with": {"version": 0}});
        let seen = operator.ask(AT, at).await;
        assert_eq!(
            (&seen["cursor"], &seen["position"], &seen["difference"]["version"]),
            (&newest["cursor"], &newest["position"], &json!(0)),
            "{kind}"
        );
        assert!(seen["state"].is_object(), "{kind}: {seen}");
    }
}

#[tokio::test]
async fn personal_data_is_shown_by_role_until_it_is_erased_and_secrets_never() {
    const ERASE: &str =
        "mutation($tenant: ID!, $id: ID!) { eraseUser(tenantId: $tenant, id: $id) { version cursor } }";
    let system = shared().await;
    let (support, chief) = (operator(&system).await, chief(&system).await);
    let (_, _, operations) = colleague(&system, "OPERATIONS").await;
    let person = Person::new(&system.a).await;
    let id = json!(person.id);
    audited(&system).await;
    let looks = async |operator: &Client, version: u8| {
        let all = trail(operator, "user", &id).await;
        let seen = operator
            .ask(AT, json!({"type": "user", "id": id, "version": version, "with": {"version": 1}}))
            .await;
        (all[0]["payload"].clone(), seen["state"].clone(), json!([all, seen]).to_string())
    };
    let (payload, state, whole) = looks(&support, 2).await;
    assert_eq!((&payload["email"], &state["fullname"]), (&json!("[personal]"), &json!("[personal]")));
    assert!(!whole.contains(&person.username), "support sees nothing personal");
    for operator in [&operations, &chief] {
        let (payload, state, whole) = looks(operator, 2).await;
        assert_eq!((&payload["email"], &state["email"]), (&json!(person.email), &json!(person.email)));
        assert_eq!(state["username"], person.username);
        for value in
            [&payload["password"], &payload["verification_hash"], &state["password"], &state["email_index"]]
        {
            assert_eq!(value, "[secret]");
        }
        assert!(!whole.contains("$argon2"), "a hash of a password is nobody's business");
    }
    let stored = "SELECT string_agg(value, ' ') FROM events, jsonb_each_text(payload) WHERE aggregate_id = $1 \
        AND key IN ('password', 'refresh', 'verification_hash', 'verification_token', 'email_index', 'username_index')";
    let stream = format!("{}/{}", person.tenant, person.id);
    let secrets: String = system.database.open().await.query_one(stored, &[&stream]).await.unwrap().get(0);
    let (_, _, whole) = looks(&chief, 3).await;
    for secret in secrets.split(' ') {
        assert!(!whole.contains(secret), "{secret} is shown");
    }

    let erased = chief.ask(ERASE, json!({"tenant": person.tenant, "id": id})).await;
    let chief = chief.after(&erased["cursor"]);
    crate::wait::until("the erasure", async || looks(&chief, 2).await.1["email"] == "[erased]").await;
    for operator in [&support, &chief] {
        let (payload, state, whole) = looks(operator, 2).await;
        assert_eq!((&payload["fullname"], &state["username"]), (&json!("[erased]"), &json!("[erased]")));
        assert!(!whole.contains(&person.username));
    }
}

#[tokio::test]
async fn the_portals_lists_are_seen_as_they_were() {
    let system = shared().await;
    let operator = operator(&system).await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let milk = create(&client, "milk").await;
    create(&client, "bread").await;
    let done = client.ask(COMPLETE, json!({"id": milk["todo"]["id"]})).await;
    client.ask(crate::documents::DELETE, json!({"id": milk["todo"]["id"]})).await;
    let renamed = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { cursor } }";
    let name = format!("{}_new", person.username);
    let renamed = client.ask(renamed, json!({"input": {"username": name}})).await;
    audited(&system).await;
    let operator = operator.after(&renamed["cursor"]);

    let trail = operator.ask(TRAIL, json!({"type": "todo", "id": milk["todo"]["id"], "first": 10})).await;
    let place = |n: usize| json!({"position": trail["nodes"][n]["position"]});
    let texts = async |as_of: Value, filter: Value| {
        let list = operator
            .ask(TODOS_AS_OF, json!({"tenant": person.tenant, "asOf": as_of, "filter": filter}))
            .await;
        let nodes = list["nodes"].as_array().unwrap();
        assert_eq!(list["totalCount"], nodes.len());
        nodes.iter().map(|todo| (todo["text"].clone(), todo["done"].clone())).collect::<Vec<_>>()
    };
    let row = |text: &str, done: bool| (json!(text), json!(done));
    assert_eq!(texts(place(0), json!({})).await, [row("milk", false)]);
    assert_eq!(texts(place(1), json!({})).await, [row("bread", false), row("milk", true)]);
    assert_eq!(texts(place(1), json!({"done": true})).await, [row("milk", true)]);
    assert_eq!(texts(place(1), json!({"textLike": "BR%"})).await, [row("bread", false)]);
    assert_eq!(texts(place(2), json!({})).await, [row("bread", false)]);
    assert_eq!(texts(json!({"time": trail["nodes"][1]["recordedAt"]}), json!({})).await.len(), 2);
    assert_eq!(texts(json!({"time": "2199-01-01T00:00:00Z"}), json!({})).await, [row("bread", false)]);
    for before in [json!({"position": "0"}), json!({"time": "2001-01-01T00:00:00Z"})] {
        assert_eq!(texts(before, json!({})).await, []);
    }
    assert_eq!(done["version"], 2);
    let page = json!({"tenant": person.tenant, "asOf": place(1), "first": 1});
    let page = operator.ask(TODOS_AS_OF, page).await;
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let rest = json!({"tenant": person.tenant, "asOf": place(1), "first": 1, "after": page["pageInfo"]["endCursor"]});
    assert_eq!(operator.ask(TODOS_AS_OF, rest).await["nodes"][0]["text"], "milk");

    let users = async |as_of: Value, filter: Value| {
        let list = operator
            .ask(USERS_AS_OF, json!({"tenant": person.tenant, "asOf": as_of, "filter": filter}))
            .await;
        list["nodes"].as_array().unwrap().iter().map(|user| user["username"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(users(place(0), json!({})).await, [json!(person.username)]);
    assert_eq!(users(place(0), json!({"textLike": "%_new"})).await, [json!(null); 0]);
    assert_eq!(
        users(json!({"time": "2199-01-01T00:00:00Z"}), json!({"textLike": "%_new"})).await,
        [json!(name)]
    );
    assert_eq!(users(json!({"position": "0"}), json!({})).await, [json!(null); 0]);
}

#[tokio::test]
async fn a_list_as_of_a_moment_that_does_not_exist_is_refused() {
    let system = shared().await;
    let operator = operator(&system).await;
    let person = Person::new(&system.a).await;
    for (as_of, field) in [
        (json!({}), "asOf"),
        (json!({"position": "1", "time": "2026-01-01T00:00:00Z"}), "asOf"),
        (json!({"position": "9223372036854775807"}), "position"),
        (json!({"position": "-1"}), "position"),
        (json!({"position": "x"}), "position"),
    ] {
        for document in [TODOS_AS_OF, USERS_AS_OF] {
            let refused = operator.refused(document, json!({"tenant": person.tenant, "asOf": as_of})).await;
            assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "{as_of}");
        }
    }
}
