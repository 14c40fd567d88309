//! A log that goes on from a copy: whatever clients hold of the other one is told to start again.

use serde_json::{Value, json};

use crate::{
    client::Client,
    database::Database,
    documents::{HISTORY, TODOS, create},
    person::Person,
    portal::{LOGIN, PASSWORD, create_operator},
    process,
    service::{Service, Settings, in_parts},
    socket::{CHANGES, Socket},
};

const EMAIL: &str = "olga@restored.test";
const EVENTS: &str = "query($first: Int, $after: Cursor, $last: Int, $before: Cursor) { \
    auditEvents(first: $first, after: $after, last: $last, before: $before) { nodes { cursor } } }";
const TRAIL: &str = "query($id: ID!, $after: Cursor) { \
    auditTrail(aggregateType: \"todo\", aggregateId: $id, after: $after) { nodes { cursor } } }";
const AT: &str =
    "query($id: ID!) { aggregateAt(aggregateType: \"todo\", aggregateId: $id, version: 1) { version } }";
const TODOS_AS_OF: &str = "query($tenant: ID!) { \
    adminTodos(tenantId: $tenant, asOf: {time: \"2199-01-01T00:00:00Z\"}) { nodes { text } } }";
const USERS_AS_OF: &str = "query($tenant: ID!) { \
    users(tenantId: $tenant, asOf: {time: \"2199-01-01T00:00:00Z\"}) { nodes { status } } }";
const REPLAY: &str =
    "subscription($from: Cursor, $to: Cursor) { auditReplay(from: $from, to: $to) { cursor } }";

/// Both surfaces over a database.
struct Surfaces {
    api: Service,
    portal: Service,
}

impl Surfaces {
    async fn over(database: &Database) -> Self {
        let portal = Service::ready("portal-api", &Settings::portal(database)).await;
        Self { api: Service::ready("api", &Settings::user(database)).await, portal }
    }

    async fn operator(&self) -> Client {
        let tokens = self.portal.client().ask(LOGIN, json!({"email": EMAIL, "password": PASSWORD})).await;
        self.portal.client().bearer(tokens["accessToken"].as_str().unwrap())
    }
}

async fn restored(database: &Database) -> String {
    let done = process::run(in_parts(Settings::none(), database).command("migrator", &["restored"])).await;
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The error that a subscription begins with.
async fn refusal(service: &Service, token: &str, query: &str, variables: Value) -> Value {
    let mut socket = Socket::open(service, token).await;
    let payload = json!({"query": query, "variables": variables});
    socket.say(json!({"type": "subscribe", "id": "1", "payload": payload})).await;
    let said = socket.next().await.unwrap();
    assert_eq!(said["type"], "error", "{variables}: {said}");
    said["payload"][0].clone()
}

#[tokio::test]
async fn after_a_restore_every_cursor_from_before_is_told_to_start_again() {
    let database = Database::migrated().await;
    let before = Surfaces::over(&database).await;
    let made = create_operator(&database, EMAIL, "SUPPORT", PASSWORD).await;
    assert!(made.status.success(), "{made:?}");
    let person = Person::new(&before.api).await;
    let made = create(&person.at(&before.api), "before the restore").await;
    let (id, cursor) = (&made["todo"]["id"], &made["cursor"]);
    let with = |name: &str| json!({"id": id, "tenant": person.tenant, name: cursor});
    let operator = before.operator().await.after(cursor);
    for (document, name) in [(EVENTS, "after"), (EVENTS, "before"), (TRAIL, "after"), (TODOS_AS_OF, "_")] {
        operator.ask(document, with(name)).await;
    }
    drop(before);

    let said = restored(&database).await;
    assert!(said.contains("from before the restore are refused"), "{said}");
    let after = Surfaces::over(&database).await;

    let (operator, client) = (after.operator().await, person.at(&after.api));
    let to_start_again =
        |message: &str| message.contains("from another log") && message.contains("start again");
    for (client, document, name) in [
        (&operator, EVENTS, "after"),
        (&operator, EVENTS, "before"),
        (&operator, TRAIL, "after"),
        (&client, HISTORY, "after"),
    ] {
        let refused = client.refused(document, with(name)).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", name), "{document}");
        assert!(to_start_again(&refused.message), "{document}: {}", refused.message);
    }
    for (client, document) in [
        (&operator, EVENTS),
        (&operator, TRAIL),
        (&operator, AT),
        (&operator, TODOS_AS_OF),
        (&operator, USERS_AS_OF),
        (&client, HISTORY),
        (&client, TODOS),
    ] {
        let refused = client.after(cursor).refused(document, with("_")).await;
        assert_eq!(refused.code, "VALIDATION_FAILED", "{document}");
        assert!(to_start_again(&refused.message), "{document}: {}", refused.message);
        // Without it, it answers.
        client.ask(document, with("_")).await;
    }
    for (service, token, query, name) in [
        (&after.portal, &operator.token(), REPLAY, "from"),
        (&after.portal, &operator.token(), REPLAY, "to"),
        (&after.api, &person.access, CHANGES, "after"),
    ] {
        let error = refusal(service, token, query, json!({name: cursor})).await;
        let extensions = &error["extensions"];
        assert_eq!((&extensions["code"], &extensions["field"]), (&json!("VALIDATION_FAILED"), &json!(name)));
        assert!(to_start_again(error["message"].as_str().unwrap()), "{error}");
    }
    let text = cursor.as_str().unwrap();
    for name in ["from", "to"] {
        let answer = operator.get(&format!("/v1/audit/export?{name}={text}")).await.unwrap();
        let problem = answer.json();
        assert_eq!((answer.status, &problem["field"]), (400, &json!(name)), "{problem}");
        assert!(to_start_again(problem["detail"].as_str().unwrap()), "{problem}");
    }
    let stale = client.after(cursor).get("/v1/todos").await.unwrap();
    assert_eq!((stale.status, to_start_again(&stale.text)), (400, true), "{}", stale.text);
}

#[tokio::test]
async fn a_restore_may_be_told_twice_and_not_to_a_log_without_a_name() {
    let database = Database::migrated().await;
    let epoch = "SELECT epoch::text FROM log_identity";
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        seen.insert(database.open().await.query_one(epoch, &[]).await.unwrap().get::<_, String>(0));
        restored(&database).await;
    }
    assert_eq!(seen.len(), 3, "another name each time");
    assert_eq!(database.number("SELECT count(*) FROM log_identity").await, 1);

    let empty = Database::empty().await;
    let failed = process::run(in_parts(Settings::none(), &empty).command("migrator", &["restored"])).await;
    let error = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(error.starts_with("Migration failed: ") && error.contains("run `migrator` first"), "{error}");
}
