//! A stream that is longer than anybody should fold for one answer.

use std::time::{Duration, Instant};

use application::audit::FOLD_EVENTS_MAX;
use serde_json::{Value, json};

use super::AT;
use crate::{
    client::Client,
    database::Database,
    portal::{LOGIN, PASSWORD, create_operator},
    service::{Service, Settings},
};

const OLGA: &str = "olga@restored.test";
const TENANT: &str = "01900000-0000-7000-8000-0000000a0001";
const TODO: &str = "01900000-0000-7000-8000-0000000a0002";
/// Versions of the todo.
const LENGTH: i64 = 2 * FOLD_EVENTS_MAX + 20_000;
/// The version whose state is kept.
const KEPT: i64 = 2 * FOLD_EVENTS_MAX;
/// The longest that others wait meanwhile, on a busy machine.
const OTHERS_MAX: Duration = Duration::from_secs(2);

/// Writes the stream, and where it is.
const WRITE: &str = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
    SELECT 'todo', $1::text || '/' || $2::text, n, CASE n WHEN 1 THEN 'todo.created' ELSE 'todo.text_changed' END, '1', \
    CASE n WHEN 1 THEN jsonb_build_object('type', 'todo.created', 'tenant', $1::text, 'owner', $1::text, 'number', 1, \
        'text', 'text 1', 'priority', 'normal', 'due_at', null, 'tags', '[]'::jsonb, 'assignee', null, \
        'at', '2026-01-01T00:00:00Z') \
      ELSE jsonb_build_object('type', 'todo.text_changed', 'text', 'text ' || n, 'at', '2026-01-01T00:00:00Z') END, \
    jsonb_build_object('actor_kind', 'user', 'actor_id', $1::text, 'platform', 'user', 'command', 'todo.update', \
      'correlation_id', $1::text, 'causation_id', $1::text, 'tenant_id', $1::text) \
    FROM generate_series($3::bigint, $4::bigint) AS n ORDER BY n";
const AT_ONCE: i64 = 20_000;

async fn make_olga(database: &Database) {
    let made = create_operator(database, OLGA, "SUPPORT", PASSWORD).await;
    assert!(made.status.success(), "{made:?}");
}

async fn signed_in(portal: &Service) -> Client {
    let tokens = portal.client().ask(LOGIN, json!({"email": OLGA, "password": PASSWORD})).await;
    portal.client().bearer(tokens["accessToken"].as_str().unwrap())
}

async fn write(database: &Database) {
    let client = database.open().await;
    let mut from = 1;
    while from <= LENGTH {
        let to = (from + AT_ONCE - 1).min(LENGTH);
        client.execute(WRITE, &[&TENANT, &TODO, &from, &to]).await.unwrap();
        from = to + 1;
    }
    let sql = "INSERT INTO audit_streams (aggregate_id, aggregate_type, stream) VALUES ($1::text::uuid, 'todo', $2)";
    client.execute(sql, &[&TODO, &format!("{TENANT}/{TODO}")]).await.unwrap();
}

/// Keeps a state beside the stream, as commands do: as it is shown, and of another text.
async fn keep(database: &Database, shown: &Value) {
    let mut sheet = shown.clone();
    sheet.as_object_mut().unwrap().remove("state");
    sheet["text"] = json!("kept");
    let state = json!({"Written": sheet}).to_string();
    let sql = "INSERT INTO snapshots (aggregate_type, aggregate_id, last_sequence, schema_version, payload) \
        VALUES ('todo', $1, $2, 1, $3::text::jsonb)";
    let stream = format!("{TENANT}/{TODO}");
    database.open().await.execute(sql, &[&stream, &KEPT, &state]).await.unwrap();
}

#[tokio::test]
async fn a_long_stream_is_answered_within_reach_refused_beyond_and_keeps_nobody_waiting() {
    let database = Database::migrated().await;
    write(&database).await;
    let portal = Service::ready("portal-api", &Settings::portal(&database).with("WORKERS", "external")).await;
    make_olga(&database).await;
    let operator = signed_in(&portal).await;
    let ask = |at: Value| {
        let mut variables = json!({"type": "todo", "id": TODO});
        variables.as_object_mut().unwrap().extend(at.as_object().unwrap().clone());
        variables
    };

    // As long as is folded at all; meanwhile others are answered.
    let folding = operator.ask(AT, ask(json!({"version": FOLD_EVENTS_MAX})));
    let others = async {
        let mut longest = Duration::ZERO;
        for _ in 0..20 {
            let asked = Instant::now();
            assert_eq!(portal.client().get("/health/ready").await.unwrap().status, 200);
            longest = longest.max(asked.elapsed());
        }
        longest
    };
    let (reached, longest) = futures_util::future::join(folding, others).await;
    assert_eq!(reached["state"]["text"], format!("text {FOLD_EVENTS_MAX}"));
    assert!(longest < OTHERS_MAX, "somebody waited for {longest:?}");

    for beyond in [json!({"version": FOLD_EVENTS_MAX + 1}), json!({"time": "2199-01-01T00:00:00Z"})] {
        let refused = operator.refused(AT, ask(beyond.clone())).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", "version"), "{beyond}: {}", refused.message);
        assert!(refused.message.contains(&format!("up to {FOLD_EVENTS_MAX}")), "{}", refused.message);
    }
    let refused = operator.refused(AT, ask(json!({"version": LENGTH + 1}))).await;
    assert!(refused.message.contains(&format!("the last one, which is {LENGTH}")), "{}", refused.message);

    keep(&database, &reached["state"]).await;
    let kept = operator.ask(AT, ask(json!({"version": KEPT}))).await;
    assert_eq!((&kept["version"], &kept["state"]["text"]), (&json!(KEPT), &json!("kept")));
    let sql = "SELECT position FROM events WHERE aggregate_id = '01900000-0000-7000-8000-0000000a0001/01900000-0000-7000-8000-0000000a0002' \
        AND sequence = ";
    let position = database.number(&format!("{sql}{KEPT}")).await;
    assert_eq!(kept["position"], position.to_string());
    // From there on it is the events that count again.
    let now = operator.ask(AT, ask(json!({"time": "2199-01-01T00:00:00Z"}))).await;
    assert_eq!((&now["version"], &now["state"]["text"]), (&json!(LENGTH), &json!(format!("text {LENGTH}"))));
    let first = operator.ask(AT, ask(json!({"version": 2, "with": {"version": LENGTH}}))).await;
    assert_eq!(first["state"]["text"], "text 2");
    assert_eq!(first["difference"]["state"]["text"], format!("text {LENGTH}"));
    let refused = operator.refused(AT, ask(json!({"version": KEPT - 1}))).await;
    assert!(refused.message.contains(&format!("one from {KEPT} to")), "{}", refused.message);
    // Within reach of the first event, what is kept counts for nothing.
    let again = operator.ask(AT, ask(json!({"version": FOLD_EVENTS_MAX}))).await;
    assert_eq!(again["state"], reached["state"]);
}
