//! The audit trail on the portal: everything, in one order, and nothing personal.

use serde_json::{Value, json};

use crate::{
    client::Client,
    database::Database,
    documents::{COMPLETE, UPDATE, create, create_tag},
    person::{PASSWORD, Person, REGISTER, VERIFY, input, login, mailed_token},
    portal::{ME, operator},
    system::{System, shared},
    wait::until,
};

pub(crate) const AUDIT: &str = "query($filter: AuditFilter, $first: Int, $after: Cursor, $last: Int, $before: Cursor) { \
    auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) { \
    edges { cursor } nodes { cursor position recordedAt eventType aggregateType aggregateId version tenantId \
    actorId actorKind platform command correlationId causationId payload } \
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }";

/// Waits until audits show everything that has happened by now.
pub(crate) async fn audited(system: &System) {
    audited_in(&system.database).await;
}

/// The same in a database.
pub(crate) async fn audited_in(database: &Database) {
    let database = database.open().await;
    let newest = "SELECT tx_id::text, position FROM events ORDER BY tx_id DESC, position DESC LIMIT 1";
    let newest = database.query_one(newest, &[]).await.unwrap();
    let (tx, position): (String, i64) = (newest.get(0), newest.get(1));
    until("the audit list", async || {
        let sql = "SELECT (tx_id, position) >= ($1::text::xid8, $2) FROM projection_checkpoints WHERE name = 'audit_list.v1'";
        database.query_opt(sql, &[&tx, &position]).await.unwrap().is_some_and(|row| row.get(0))
    })
    .await;
}

async fn events(operator: &Client, filter: Value) -> Vec<Value> {
    let page = operator.ask(AUDIT, json!({"filter": filter, "first": 100})).await;
    let nodes = page["nodes"].as_array().unwrap().clone();
    assert_eq!(page["totalCount"], nodes.len(), "{filter}");
    nodes
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["eventType"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_trail_tells_who_did_what_from_where_in_which_request() {
    let system = shared().await;
    let operator = operator(&system).await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a).with("x-request-id", format!("trail-{}", person.username));
    let made = create(&client, "audited").await;
    let id = made["todo"]["id"].clone();
    client.ask(UPDATE, json!({"id": id, "with": {"text": "audited twice", "priority": "LOW"}})).await;
    client.ask(COMPLETE, json!({"id": id})).await;

    audited(&system).await;
    let all = events(&operator, json!({"tenantId": person.tenant})).await;
    let expected = [
        "user.registered",
        "tenant.created",
        "user.email_verified",
        "user.signed_in",
        "todo.created",
        "todo.text_changed",
        "todo.prioritised",
        "todo.completed",
    ];
    assert_eq!(types(&all), expected);
    let positions: Vec<u64> =
        all.iter().map(|it| it["position"].as_str().unwrap().parse().unwrap()).collect();
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
    let created = &all[4];
    assert_eq!(
        json!([created["aggregateType"], created["aggregateId"], created["version"], created["tenantId"]]),
        json!(["todo", id, 1, person.tenant])
    );
    assert_eq!(
        json!([created["actorKind"], created["actorId"], created["platform"], created["command"]]),
        json!(["user", person.id, "user", "todo.create"])
    );
    assert_eq!(created["correlationId"], format!("trail-{}", person.username));
    assert_eq!(created["payload"]["text"], "audited");
    assert_eq!(created["cursor"], made["cursor"], "the same place on both surfaces");
}

#[tokio::test]
async fn filters_find_what_they_say_and_pages_go_both_ways() {
    let system = shared().await;
    let operator = operator(&system).await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let tag = create_tag(&client, "Audited").await;
    for n in 0..4 {
        create(&client, &format!("audited {n}")).await;
    }
    let tenant = &person.tenant;
    audited(&system).await;
    let all = events(&operator, json!({"tenantId": tenant})).await;
    let correlation = all[5]["correlationId"].clone();
    let (from, to) = (all[4]["recordedAt"].clone(), all[6]["recordedAt"].clone());
    for (filter, expected) in [
        (json!({"tenantId": tenant, "aggregateType": "tag"}), vec!["tag.created"]),
        (json!({"aggregateId": tag}), vec!["tag.created"]),
        (json!({"tenantId": tenant, "eventType": "todo.created"}), vec!["todo.created"; 4]),
        (json!({"actorId": person.id, "aggregateType": "todo"}), vec!["todo.created"; 4]),
        (json!({"correlationId": correlation}), vec!["todo.created"]),
        (
            json!({"tenantId": tenant, "from": from, "to": to}),
            vec!["tag.created", "todo.created", "todo.created"],
        ),
        (json!({"tenantId": tenant, "platform": "portal"}), vec![]),
    ] {
        assert_eq!(types(&events(&operator, filter.clone()).await), expected, "{filter}");
    }

    let page = async |arguments: Value| operator.ask(AUDIT, arguments).await;
    let filter = json!({"tenantId": tenant});
    let first = page(json!({"filter": filter, "first": 5})).await;
    assert_eq!(first["nodes"].as_array().unwrap()[..], all[..5]);
    assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(9), &json!(true)));
    let rest = page(json!({"filter": filter, "first": 5, "after": first["pageInfo"]["endCursor"]})).await;
    assert_eq!(rest["nodes"].as_array().unwrap()[..], all[5..]);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    let back = page(json!({"filter": filter, "last": 3, "before": rest["pageInfo"]["startCursor"]})).await;
    assert_eq!(back["nodes"].as_array().unwrap()[..], all[2..5]);
    for n in 0..15 {
        create(&client, &format!("more {n}")).await;
    }
    audited(&system).await;
    assert_eq!(page(json!({"filter": filter})).await["nodes"].as_array().unwrap().len(), 20);
    let (ancient, later) = ("2001-01-01T00:00:00Z", "2199-01-01T00:00:00Z");
    // What there never was is no mistake: the log may hold types that this release does not know.
    for nothing in [
        json!({"to": ancient}),
        json!({"from": later}),
        json!({"from": ancient, "to": ancient}),
        json!({"tenantId": tenant, "aggregateType": "tod"}),
        json!({"tenantId": tenant, "eventType": "todo.levitated"}),
        json!({"tenantId": tenant, "aggregateId": "no id"}),
    ] {
        assert_eq!(types(&events(&operator, nothing.clone()).await), [""; 0], "{nothing}");
    }
    let whole = page(json!({"filter": {"tenantId": tenant, "from": ancient, "to": later}, "first": 1})).await;
    assert_eq!(whole["nodes"][0], all[0], "from before the first event on");
    for (arguments, field) in [
        (json!({"first": 0}), "first"),
        (json!({"last": 101}), "last"),
        (json!({"after": "garbage"}), "after"),
        (json!({"filter": {"tenantId": "no id"}}), "tenantId"),
        (json!({"filter": {"from": to, "to": from}}), "from"),
    ] {
        let refused = operator.refused(AUDIT, arguments.clone()).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "{arguments}");
    }
}

#[tokio::test]
async fn neither_the_trail_nor_the_log_shows_anything_personal() {
    let system = shared().await;
    let operator = operator(&system).await;
    let client = system.a.client();
    let username = format!("secretive{}", std::process::id());
    let mut input = input(&username);
    input["fullname"] = "Canary Birdsong".into();
    let registered =
        client.ask(REGISTER, json!({"input": input, "key": format!("key of {}", std::process::id())})).await;
    let token = mailed_token(&client, &format!("{username}@people.test")).await;
    client.ask(VERIFY, json!({"token": token, "key": "verify"})).await;
    let signed_in = login(&client, &username, PASSWORD).await;
    assert_eq!(registered["user"]["tenant"]["name"], "Canary Birdsong", "named after the person");

    audited(&system).await;
    let trail = events(&operator, json!({"tenantId": registered["user"]["tenant"]["id"]})).await;
    assert_eq!(trail[0]["payload"]["email"], "[personal]");
    let database = system.database.open().await;
    let tables = "SELECT string_agg(t::text, '') FROM (SELECT payload::text || metadata::text AS t FROM events \
        UNION ALL SELECT payload::text FROM snapshots UNION ALL SELECT key || encode(request_hash, 'escape') FROM command_log \
        UNION ALL SELECT encode(value, 'escape') FROM unique_claims) AS stored";
    let stored: String = database.query_one(tables, &[]).await.unwrap().get(0);
    let trail = Value::from(trail).to_string();
    let refresh = signed_in["refreshToken"].as_str().unwrap();
    for secret in [username.as_str(), "Canary", "Birdsong", "people.test", PASSWORD, token.as_str(), refresh]
    {
        assert!(!trail.contains(secret), "the trail shows {secret}");
        assert!(!stored.contains(secret), "the log holds {secret} in clear");
    }
}

#[tokio::test]
async fn reading_the_trail_or_the_todos_of_a_tenant_is_in_the_trail() {
    const TODOS: &str = "query($tenant: ID!) { adminTodos(tenantId: $tenant) { nodes { id } totalCount } }";
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let request = format!("looks-{}", person.username);
    let operator = operator(&system).await;
    let looking = operator.with("x-request-id", request.clone());
    let me = looking.ask(ME, json!({})).await;
    looking.ask(TODOS, json!({"tenant": person.tenant})).await;
    events(&looking, json!({"tenantId": person.tenant})).await;
    audited(&system).await;
    let acts = events(&operator, json!({"correlationId": request, "aggregateType": "act"})).await;
    let told = |act: &Value| json!([act["payload"]["name"], act["payload"]["about"]]);
    let expected = [
        json!(["todo.admin_list", person.tenant]),
        json!(["audit.events", format!("tenantId={}", person.tenant)]),
    ];
    assert_eq!(acts.iter().map(told).collect::<Vec<_>>(), expected);
    for act in &acts {
        assert_eq!((&act["actorKind"], &act["actorId"]), (&json!("operator"), &me["id"]));
        assert_eq!((&act["platform"], &act["eventType"]), (&json!("portal"), &json!("act.done")));
    }
}
