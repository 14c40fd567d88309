//! Keys for machines: made, shown once, used, revoked. Refused cases first.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    client::Client,
    database::Database,
    documents::{CREATE, DELETE, create},
    people::colleague,
    person::{ME, Person, fresh_name},
    roles::{ASSIGN, REVOKE as REVOKE_ROLE, role},
    service::Service,
    socket::Socket,
    system::shared,
    wait::{until, within},
};

/// What happens to a key is known on every node within this.
const KNOWN: Duration = Duration::from_secs(1);
/// And on open sockets, as the end of an owner is everywhere, within this.
const CLOSED: Duration = Duration::from_secs(5);
/// The most keys of a person that are not revoked.
const KEYS_MAX: usize = 20;

pub(crate) const MAKE: &str = "mutation($input: CreateApiKeyInput!, $key: String) { \
    createApiKey(input: $input, idempotencyKey: $key) { apiKey { id name prefix permissions expiresAt \
    lastUsedAt revokedAt createdAt } key version cursor } }";
const REVOKE: &str = "mutation($id: ID!, $version: Int) { revokeApiKey(id: $id, expectedVersion: $version) { \
    apiKey { id revokedAt } version cursor } }";
const KEYS: &str = "{ apiKeys { id name prefix permissions expiresAt lastUsedAt revokedAt createdAt } }";

/// A key of somebody's: its id, and itself.
pub(crate) async fn key(owner: &Client, permissions: Value) -> (String, String) {
    let made = owner.ask(MAKE, json!({"input": {"name": "ci", "permissions": permissions}})).await;
    (made["apiKey"]["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

/// A machine with a key at a node.
pub(crate) fn machine(service: &Service, key: &str) -> Client {
    service.client().with("authorization", format!("ApiKey {key}"))
}

async fn works(client: &Client) -> bool {
    match client.graphql(ME, json!({})).await.unwrap().status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

async fn may_create(client: &Client) -> bool {
    let answer = client.graphql(CREATE, json!({"input": {"text": fresh_name()}})).await.unwrap();
    match answer.status {
        200 => true,
        403 => false,
        other => panic!("{other}: {}", answer.text),
    }
}

/// How often a text stands anywhere in a database.
async fn stands_in(database: &Database, text: &str) -> i64 {
    let client = database.open().await;
    let tables = client.query(
        "SELECT schemaname || '.' || tablename FROM pg_tables \
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
        &[],
    );
    let mut found = 0;
    for table in tables.await.unwrap() {
        let sql = format!(
            "SELECT count(*) FROM {} AS t WHERE position($1 IN t::text) > 0",
            table.get::<_, String>(0)
        );
        found += client.query_one(&sql, &[&text]).await.unwrap().get::<_, i64>(0);
    }
    found
}

#[tokio::test]
async fn a_key_that_cannot_be_is_not_made() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let (_, viewer) = colleague(&owner, "Viewer").await;
    let (_, admin) = colleague(&owner, "Admin").await;
    let good = json!({"name": "ci", "permissions": []});
    for (input, what) in [
        (json!({"name": " ", "permissions": []}), ("VALIDATION_FAILED", "name")),
        (json!({"name": "x".repeat(51), "permissions": []}), ("VALIDATION_FAILED", "name")),
        (json!({"name": "ci", "permissions": ["fly"]}), ("VALIDATION_FAILED", "permissions")),
        (
            json!({"name": "ci", "permissions": [], "expiresAt": "2020-01-01T00:00:00Z"}),
            ("VALIDATION_FAILED", "expiresAt"),
        ),
    ] {
        assert_eq!(owner.refused(MAKE, json!({"input": input})).await.what(), what, "{input}");
    }
    let refused = viewer.refused(MAKE, json!({"input": good})).await;
    assert_eq!(refused.message, "Missing permission: manage-api-keys");
    // An Admin makes keys, but none that may more than an Admin.
    admin.ask(MAKE, json!({"input": good})).await;
    let more = json!({"input": {"name": "ci", "permissions": ["create-todo", "manage-roles"]}});
    assert_eq!(admin.refused(MAKE, more).await.message, "Missing permission: manage-roles");
    assert_eq!(owner.ask(KEYS, json!({})).await, json!([]), "nothing was made");
}

#[tokio::test]
async fn what_is_no_key_opens_nothing() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let (_, good) = key(&owner, json!([])).await;
    assert!(works(&machine(&system.a, &good)).await);
    let other = if good.ends_with('A') { "B" } else { "A" };
    let wrong = [
        good[..good.len() - 1].to_owned() + other,
        good[..20].to_owned(),
        "etk_".to_owned(),
        format!("{good}A"),
        owner.token(),
        "'; DROP TABLE events; --".to_owned(),
    ];
    for wrong in wrong {
        let refused = machine(&system.a, &wrong).refused(ME, json!({})).await;
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("UNAUTHENTICATED", "Invalid or expired token"),
            "{wrong}"
        );
    }
    for header in [format!("Bearer {good}"), format!("Key {good}"), good.clone(), "ApiKey".to_owned()] {
        let client = system.a.client().with("authorization", header.clone());
        assert_eq!(client.refused(ME, json!({})).await.code, "UNAUTHENTICATED", "{header}");
    }
    let refused = machine(&system.portal, &good).refused("{ me { id } }", json!({})).await;
    assert_eq!(refused.code, "UNAUTHENTICATED", "keys are of the user surface");
}

#[tokio::test]
async fn a_key_is_its_owners_alone() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let stranger = Person::new(&system.a).await.at(&system.a);
    let (_, admin) = colleague(&owner, "Admin").await;
    let (id, good) = key(&owner, json!([])).await;
    for other in [&stranger, &admin] {
        assert_eq!(other.refused(REVOKE, json!({"id": id})).await.code, "NOT_FOUND");
        assert_eq!(other.ask(KEYS, json!({})).await, json!([]));
    }
    assert_eq!(owner.refused(REVOKE, json!({"id": "garbage"})).await.code, "NOT_FOUND");
    assert!(works(&machine(&system.a, &good)).await, "nothing was changed");
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_as_its_hash_alone() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let owner = person.at(&system.a);
    let request = json!({"input": {"name": " Build ", "permissions": ["update-todo", "create-todo"],
        "expiresAt": "2999-01-01T00:00:00Z"}, "key": "once"});
    let made = owner.ask(MAKE, request.clone()).await;
    let clear = made["key"].as_str().unwrap().to_owned();
    assert!(clear.starts_with("etk_") && clear.len() == 47, "{clear}");
    let shown = &made["apiKey"];
    assert_eq!(
        (&shown["name"], &shown["prefix"], &shown["permissions"]),
        (&json!("Build"), &json!(clear[..12]), &json!(["create-todo", "update-todo"]))
    );
    assert_eq!(
        (&shown["lastUsedAt"], &shown["revokedAt"], &made["version"]),
        (&Value::Null, &Value::Null, &json!(1))
    );

    let again = owner.ask(MAKE, request).await;
    assert_eq!((&again["apiKey"]["id"], &again["key"]), (&shown["id"], &Value::Null));
    assert_eq!(owner.ask(KEYS, json!({})).await, json!([shown]));

    assert!(works(&machine(&system.b, &clear)).await);
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, clear.as_bytes()));
    let database = &system.database;
    assert!(stands_in(database, &hash).await > 0, "the search finds what is there");
    assert_eq!(stands_in(database, &clear[12..]).await, 0, "the key is nowhere");
}

#[tokio::test]
async fn of_keys_made_at_the_same_time_no_more_than_the_limit_are_made() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let (here, there) = (person.at(&system.a), person.at(&system.b));
    let mut making = JoinSet::new();
    for n in 0..KEYS_MAX + 6 {
        let client = if n % 2 == 0 { here.clone() } else { there.clone() };
        let input = json!({"input": {"name": format!("key {n}"), "permissions": []}});
        making.spawn(async move { client.graphql(MAKE, input).await.unwrap() });
    }
    let mut made = 0;
    while let Some(answer) = making.join_next().await {
        let answer = answer.unwrap();
        if answer.json().get("errors").is_none() {
            made += 1;
        } else {
            assert_eq!(answer.refused("a key too many").code, "VALIDATION_FAILED");
        }
    }
    assert_eq!(made, KEYS_MAX);
    let listed = here.ask(KEYS, json!({})).await;
    assert_eq!(listed.as_array().unwrap().len(), KEYS_MAX);

    let revoked = here.ask(REVOKE, json!({"id": listed[7]["id"]})).await;
    let (id, _) = key(&here.after(&revoked["cursor"]), json!([])).await;
    let listed = here.ask(KEYS, json!({})).await;
    assert_eq!((&listed[0]["id"], &listed[KEYS_MAX]["revokedAt"].is_string()), (&json!(id), &true));
}

#[tokio::test]
async fn a_key_may_what_both_it_and_its_owner_may() {
    let system = shared().await;
    let owner = Person::new(&system.a).await.at(&system.a);
    let (member, at) = colleague(&owner, "Viewer").await;
    let maker = role(&owner, "Maker", json!(["manage-api-keys", "create-todo", "delete-todo"])).await;
    owner.ask(ASSIGN, json!({"user": member, "role": maker})).await;
    let (_, reading) = key(&at, json!([])).await;
    let (writing_id, writing) = key(&at, json!(["create-todo"])).await;
    let (reader, writer) = (machine(&system.b, &reading), machine(&system.b, &writing));

    assert_eq!(writer.ask(ME, json!({})).await["id"], json!(member), "it acts for its owner");
    let todo = create(&writer, "by a machine").await;
    let id = &todo["todo"]["id"];
    let refused = writer.refused(DELETE, json!({"id": id})).await;
    assert_eq!(refused.message, "Missing permission: delete-todo");
    assert!(!may_create(&reader).await);
    assert_eq!(reader.ask("{ todos { totalCount } }", json!({})).await["totalCount"], 1);

    owner.ask(REVOKE_ROLE, json!({"user": member, "role": maker})).await;
    within(KNOWN, "the loss of the right", async || !may_create(&writer).await).await;
    assert!(works(&writer).await, "what needs no right goes on");
    // Whoever may make keys no more may still revoke them.
    at.ask(REVOKE, json!({"id": writing_id})).await;
    within(KNOWN, "the end of the key", async || !works(&writer).await).await;

    owner.ask("mutation($id: ID!) { suspendUser(id: $id) { __typename } }", json!({"id": member})).await;
    within(CLOSED, "the end of the owner", async || !works(&reader).await).await;
}

#[tokio::test]
async fn what_needs_a_person_is_refused_to_a_key() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let owner = person.at(&system.a);
    let all = owner.ask("{ permissions { slug } }", json!({})).await;
    let all: Vec<&Value> = all.as_array().unwrap().iter().map(|it| &it["slug"]).collect();
    let (id, good) = key(&owner, json!(all)).await;
    let machine = machine(&system.a, &good);
    for document in [
        "mutation { logout { __typename } }".to_owned(),
        "mutation { logoutEverywhere { __typename } }".to_owned(),
        "mutation { updateProfile(input: {fullname: \"Other\"}) { __typename } }".to_owned(),
        "mutation { changePassword(input: {currentPassword: \"Correct7Horse\", newPassword: \"Other7Horse\"}) \
            { __typename } }".to_owned(),
        "mutation { generateTwoFactor { __typename } }".to_owned(),
        "mutation { bindTwoFactor(code: \"123456\") { __typename } }".to_owned(),
        "mutation { unbindTwoFactor(code: \"123456\") { __typename } }".to_owned(),
        "{ sessions { id } }".to_owned(),
        "{ apiKeys { id } }".to_owned(),
        "mutation { createApiKey(input: {name: \"more\", permissions: []}) { key } }".to_owned(),
        format!("mutation {{ revokeApiKey(id: \"{id}\") {{ version }} }}"),
    ] {
        let refused = machine.refused(&document, json!({})).await;
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("FORBIDDEN", "This needs a person who is signed in; an API key is not enough"),
            "{document}"
        );
    }
    assert_eq!(owner.ask(KEYS, json!({})).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_revoked_or_expires_ends_on_every_node_and_socket() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let owner = person.at(&system.a);
    let (id, good) = key(&owner, json!(["create-todo"])).await;
    let there = machine(&system.b, &good);
    assert!(works(&there).await && works(&machine(&system.a, &good)).await);
    let mut socket = Socket::connected(&system.b).await;
    socket.init(json!({"Authorization": format!("ApiKey {good}")})).await;
    assert_eq!(socket.next().await.unwrap()["type"], "connection_ack");

    let stale = owner.refused(REVOKE, json!({"id": id, "version": 77})).await;
    assert_eq!(stale.code, "CONFLICT");
    let revoked = owner.ask(REVOKE, json!({"id": id})).await;

    within(KNOWN, "the end of the key", async || !works(&there).await).await;
    let here = machine(&system.a, &good);
    within(KNOWN, "the end of the key here", async || !works(&here).await).await;
    let (code, reason) = tokio::time::timeout(CLOSED, socket.closed()).await.expect("closed in time");
    assert_eq!(code, 4403, "{reason}");
    let again = owner.ask(REVOKE, json!({"id": id})).await;
    assert_eq!(again["version"], revoked["version"], "it holds already: nothing happened");

    let client = system.database.open().await;
    let soon =
        "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '3 s', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    let soon: String = client.query_one(soon, &[]).await.unwrap().get(0);
    let input = json!({"input": {"name": "short", "permissions": [], "expiresAt": soon}});
    let short = owner.ask(MAKE, input).await["key"].as_str().unwrap().to_owned();
    assert!(works(&machine(&system.b, &short)).await);
    within(CLOSED, "expiry", async || !works(&machine(&system.b, &short)).await).await;
}

#[tokio::test]
async fn what_a_key_does_is_noted_as_the_keys_and_its_use_once() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let owner = person.at(&system.a);
    let (id, good) = key(&owner, json!(["create-todo"])).await;
    let (here, there) = (machine(&system.a, &good), machine(&system.b, &good));
    let todo = create(&here, "by a machine").await;
    for _ in 0..10 {
        assert!(works(&here).await && works(&there).await);
    }
    until("last use", async || owner.ask(KEYS, json!({})).await[0]["lastUsedAt"].is_string()).await;
    for _ in 0..10 {
        assert!(works(&here).await && works(&there).await);
    }
    let count = async |what: &str| {
        let sql = format!(
            "SELECT count(*) FROM events WHERE metadata->>'actor_kind' = 'api_key' \
            AND metadata->>'actor_id' = '{id}' AND event_type = '{what}' AND metadata->>'tenant_id' = '{}'",
            person.tenant
        );
        system.database.number(&sql).await
    };
    assert_eq!((count("todo.created").await, count("api_key.used").await), (1, 1));
    let history = format!("{{ todoHistory(id: {}) {{ nodes {{ byId }} }} }}", todo["todo"]["id"]);
    assert_eq!(owner.ask(&history, json!({})).await["nodes"], json!([{"byId": null}]));
}
