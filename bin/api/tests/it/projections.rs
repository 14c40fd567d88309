//! The portal over the consumers: who sees them, who acts on them, and that each act is in the trail.

mod progress;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::Client,
    database::Database,
    documents::create,
    operators::colleague,
    person::Person,
    portal::{LOGIN, PASSWORD, create_operator},
    process,
    service::{Service, Settings},
    system::{System, shared},
    wait::until,
};

const PROJECTIONS: &str = "{ projections { name version state position lagEvents lagSeconds rate lastError deadLetters \
    rebuildable rebuild { phase percent events rate secondsLeft differingRows lockedMs error startedAt swappedAt } } }";
const LETTERS: &str = "query($of: String, $first: Int, $after: Cursor) { \
    deadLetters(projection: $of, first: $first, after: $after) { \
    nodes { id projection position aggregateType stream error attempts createdAt retrying } \
    pageInfo { hasNextPage endCursor } totalCount } }";
const ACTS: [&str; 5] =
    ["pauseProjection", "resumeProjection", "rebuildProjection", "cancelRebuild", "rollbackProjection"];

fn act(field: &str) -> String {
    format!("mutation($name: String!) {{ {field}(name: $name) {{ projection {{ name state }} cursor }} }}")
}

fn settle(field: &str) -> String {
    format!("mutation($id: ID!) {{ {field}(id: $id) {{ deadLetter {{ id retrying }} cursor }} }}")
}

async fn of(client: &Client, name: &str) -> Value {
    let all = client.ask(PROJECTIONS, json!({})).await;
    all.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
}

/// What an operator did, and to what, as it is written down.
async fn acts(system: &System, operator: &str) -> Vec<(String, Option<String>)> {
    let sql = "SELECT payload->>'name', payload->>'about' FROM events \
               WHERE aggregate_type = 'act' AND metadata->>'actor_id' = $1 AND metadata->>'actor_kind' = 'operator'";
    let rows = system.database.open().await.query(sql, &[&operator]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn support_sees_the_consumers_and_may_not_touch_them() {
    let system = shared().await;
    let (_, _, support) = colleague(&system, "SUPPORT").await;
    let all = support.ask(PROJECTIONS, json!({})).await;
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.contains(&"todo_list.v1") && names.contains(&"mails.v1"), "{names:?}");
    let row = of(&support, "todo_list.v1").await;
    assert_eq!(
        (&row["version"], &row["state"], &row["rebuildable"]),
        (&json!(1), &json!("RUNNING"), &json!(true))
    );
    assert_eq!(of(&support, "mails.v1").await["rebuildable"], false);
    assert_eq!(of(&support, "erasure.v1").await["rebuildable"], false);
    support.ask(LETTERS, json!({})).await;
    for field in ACTS {
        let refused = support.refused(&act(field), json!({"name": "todo_list.v1"})).await;
        assert_eq!(refused.code, "FORBIDDEN", "{field}");
    }
    for field in ["retryDeadLetter", "discardDeadLetter"] {
        let refused = support.refused(&settle(field), json!({"id": "mails.v1@1.1"})).await;
        assert_eq!(refused.code, "FORBIDDEN", "{field}");
    }
}

#[tokio::test]
async fn what_there_is_not_is_named_and_changes_nothing() {
    let system = shared().await;
    let (_, _, operations) = colleague(&system, "OPERATIONS").await;
    for field in ACTS {
        let refused = operations.refused(&act(field), json!({"name": "todos"})).await;
        assert_eq!(refused.what(), ("NOT_FOUND", "name"), "{field}");
        assert!(refused.message.contains("todo_list.v1"), "{}", refused.message);
    }
    let outside = operations.refused(&act("rebuildProjection"), json!({"name": "mails.v1"})).await;
    assert_eq!(outside.what(), ("VALIDATION_FAILED", "name"));
    for field in ["cancelRebuild", "rollbackProjection"] {
        let refused = operations.refused(&act(field), json!({"name": "referrals.v1"})).await;
        assert_eq!(refused.code, "CONFLICT", "{field}");
    }
    for field in ["retryDeadLetter", "discardDeadLetter"] {
        for id in ["", "mails.v1@1.1", "nobody.v1@1.1", "mails.v1@x.y"] {
            assert_eq!(
                operations.refused(&settle(field), json!({"id": id})).await.code,
                "NOT_FOUND",
                "{field} {id}"
            );
        }
    }
    let odd = operations.refused(LETTERS, json!({"first": 0})).await;
    assert_eq!(odd.what(), ("VALIDATION_FAILED", "first"));
}

#[tokio::test]
async fn a_projection_is_paused_resumed_and_built_anew_and_the_trail_says_by_whom() {
    let system = System::start().await;
    let (operator, _, operations) = colleague(&system, "OPERATIONS").await;
    let person = Person::new(&system.a).await;
    create(&person.at(&system.a), "before the pause").await;
    let name = json!({"name": "todo_list.v1"});

    let paused = operations.ask(&act("pauseProjection"), name.clone()).await;
    assert_eq!(paused["projection"]["state"], "PAUSED");
    let body = person
        .at(&system.a)
        .whole(crate::documents::CREATE, json!({"input": {"text": "during the pause"}}))
        .await;
    assert_eq!(body["extensions"]["consistency"]["shown"], false, "{body}");
    let row = of(&operations, "todo_list.v1").await;
    assert!(row["lagEvents"].as_i64().unwrap() >= 1 && row["lagSeconds"].as_f64().unwrap() > 0.0, "{row}");

    let resumed = operations.ask(&act("resumeProjection"), name.clone()).await;
    assert_eq!(resumed["projection"]["state"], "RUNNING");
    until("it caught up", async || of(&operations, "todo_list.v1").await["lagEvents"] == 0).await;

    system.database.open().await.execute("UPDATE todo_list SET text = 'tampered with'", &[]).await.unwrap();
    operations.ask(&act("rebuildProjection"), name.clone()).await;
    let conflict = operations.graphql(&act("rebuildProjection"), name.clone()).await.unwrap().json();
    until("it serves", async || of(&operations, "todo_list.v1").await["rebuild"]["phase"] == "KEPT").await;
    let rebuild = of(&operations, "todo_list.v1").await["rebuild"].clone();
    assert_eq!((&rebuild["percent"], &rebuild["differingRows"]), (&json!(100.0), &json!(2)), "{rebuild}");
    assert!(rebuild["lockedMs"].as_f64().unwrap() < 100.0, "{rebuild}");
    // The second one came in time to be refused, or after the first had ended.
    let code = &conflict["errors"][0]["extensions"]["code"];
    assert!(code == "CONFLICT" || code.is_null(), "{conflict}");
    let todos = person.at(&system.b).ask(crate::documents::TODOS, json!({})).await;
    let texts = todos["nodes"].as_array().unwrap().iter().map(|node| node["text"].as_str().unwrap());
    let texts: BTreeSet<&str> = texts.collect();
    assert_eq!(texts, ["before the pause", "during the pause"].into(), "mended, on every node");

    let done = acts(&system, &operator).await;
    for name in ["projection.pause", "projection.resume", "projection.rebuild", "projection.list"] {
        assert!(done.iter().any(|(did, _)| did == name), "{name}: {done:?}");
    }
    assert!(done.contains(&("projection.pause".to_owned(), Some("todo_list.v1".to_owned()))), "{done:?}");
}

#[tokio::test]
async fn a_rebuild_that_is_asked_for_many_times_is_one_and_can_be_given_up() {
    let database = Database::migrated().await;
    let made = create_operator(&database, "otto@builds.test", "OPERATIONS", PASSWORD).await;
    assert!(made.status.success(), "{made:?}");
    // Nobody builds: it stays as it was asked for.
    let portal = Service::ready("portal-api", &Settings::portal(&database).with("WORKERS", "external")).await;
    let tokens = portal.client().ask(LOGIN, json!({"email": "otto@builds.test", "password": PASSWORD})).await;
    let otto = portal.client().bearer(tokens["accessToken"].as_str().unwrap());
    let name = json!({"name": "todo_list.v1"});

    let rebuild = act("rebuildProjection");
    let at_once = join_all((0..5).map(|_| otto.graphql(&rebuild, name.clone()))).await;
    let codes: Vec<Value> =
        at_once.into_iter().map(|it| it.unwrap().json()["errors"][0]["extensions"]["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 1, "one of five: {codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "CONFLICT").count(), 4, "{codes:?}");
    let refused = otto.refused(&rebuild, name.clone()).await;
    assert_eq!(refused.code, "CONFLICT");
    assert!(refused.message.contains("being built anew already"), "{}", refused.message);
    let row = of(&otto, "todo_list.v1").await;
    assert_eq!((&row["state"], &row["rebuild"]["phase"]), (&json!("REBUILDING"), &json!("BUILDING")));

    otto.ask(&act("cancelRebuild"), name.clone()).await;
    assert_eq!(otto.refused(&act("cancelRebuild"), name.clone()).await.code, "CONFLICT", "it is given up");
    otto.ask(&rebuild, name.clone()).await;
    let worker = Service::start("worker", &Settings::common(&database));
    until("it serves", async || of(&otto, "todo_list.v1").await["rebuild"]["phase"] == "KEPT").await;
    drop(worker);
    otto.ask(&rebuild, name).await;
}

#[tokio::test]
async fn an_event_of_a_later_release_is_a_dead_letter_that_can_be_discarded() {
    let system = System::start().await;
    let (_, _, operations) = colleague(&system, "OPERATIONS").await;
    let person = Person::new(&system.a).await;
    create(&person.at(&system.a), "before it").await;
    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
               SELECT 'todo', aggregate_id, 2, 'todo.levitated', '1', '{\"type\": \"todo.levitated\"}', metadata \
               FROM events WHERE aggregate_type = 'todo' LIMIT 1";
    system.database.open().await.execute(sql, &[]).await.unwrap();
    until("it halts", async || of(&operations, "todo_list.v1").await["state"] == "HALTED").await;
    let row = of(&operations, "todo_list.v1").await;
    assert!(row["lastError"].as_str().unwrap().contains("todo.levitated"), "{row}");
    let letters = operations.ask(LETTERS, json!({"of": "todo_list.v1"})).await;
    assert_eq!(letters["totalCount"], 1);
    let letter = &letters["nodes"][0];
    assert_eq!((&letter["aggregateType"], &letter["projection"]), (&json!("todo"), &json!("todo_list.v1")));

    let id = json!({"id": letter["id"]});
    operations.ask(&settle("retryDeadLetter"), id.clone()).await;
    until("it halts again", async || {
        let letters = operations.ask(LETTERS, json!({"of": "todo_list.v1"})).await;
        letters["nodes"][0]["attempts"].as_i64() > letter["attempts"].as_i64()
    })
    .await;
    operations.ask(&settle("discardDeadLetter"), id.clone()).await;
    assert_eq!(operations.refused(&settle("discardDeadLetter"), id).await.code, "NOT_FOUND");
    until("it runs", async || {
        let row = of(&operations, "todo_list.v1").await;
        row["state"] == "RUNNING" && row["lagEvents"] == 0 && row["deadLetters"] == 0
    })
    .await;
    // No build stumbles over it again.
    operations.ask(&act("rebuildProjection"), json!({"name": "todo_list.v1"})).await;
    until("it serves", async || of(&operations, "todo_list.v1").await["rebuild"]["phase"] == "KEPT").await;
    assert_eq!(of(&operations, "todo_list.v1").await["rebuild"]["differingRows"], 0);
}

#[tokio::test]
async fn the_command_line_does_what_the_portal_does_and_is_written_down_as_the_system() {
    let database = Database::migrated().await;
    let api = Service::ready("api", &Settings::user(&database)).await;
    let person = Person::new(&api).await;
    create(&person.at(&api), "milk").await;
    let settings = Settings::common(&database);
    let worker = async |words: &[&str]| {
        let mut all = vec!["projections"];
        all.extend(words);
        let done = process::run(settings.command("worker", &all)).await;
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (listed, lines) = worker(&["list"]).await;
    assert!(
        listed && lines.lines().any(|line| line.starts_with("todo_list.v1") && line.contains("running")),
        "{lines}"
    );
    let (done, said) = worker(&["rebuild", "todos"]).await;
    assert!(!done && said.contains("todo_list.v1"), "{said}");
    assert!(!worker(&["rollback", "todo_list.v1"]).await.0, "there is nothing to go back to");

    database.open().await.execute("UPDATE todo_list SET text = 'sour milk'", &[]).await.unwrap();
    let (done, said) = worker(&["rebuild", "todo_list.v1"]).await;
    assert!(done && said.contains("1 rows differed") && said.contains("swapped in"), "{said}");
    let (done, said) = worker(&["rollback", "todo_list.v1"]).await;
    assert!(done && said.contains("serves from other tables"), "{said}");
    assert_eq!(
        database.number("SELECT count(*) FROM todo_list WHERE text = 'sour milk'").await,
        1,
        "as before"
    );
    let (done, said) = worker(&["check"]).await;
    assert!(
        done && said.contains("differed, and is mended: todo_list.v1 todo_list ")
            && said.contains("1 mended"),
        "{said}"
    );
    assert_eq!(database.number("SELECT count(*) FROM todo_list WHERE text = 'milk'").await, 1);
    assert!(worker(&["pause", "todo_list.v1"]).await.1.contains("paused"));
    assert!(worker(&["resume", "todo_list.v1"]).await.1.contains("running"));
    let (done, said) = worker(&["dead-letters"]).await;
    assert!(done && !said.contains('@'), "{said}");

    let noted = "SELECT count(*) FROM events WHERE aggregate_type = 'act' AND metadata->>'actor_kind' = 'system' \
                 AND payload->>'name' IN ('projection.rebuild', 'projection.rollback', 'projection.pause', \
                 'projection.resume', 'projection.mended')";
    // A rollback that was refused is an act, too.
    assert_eq!(database.number(noted).await, 6);
}

#[tokio::test]
async fn a_worker_finds_what_was_changed_behind_its_back_and_says_so() {
    let database = Database::migrated().await;
    let api = Service::ready("api", &Settings::user(&database).with("SELF_CHECK_SECONDS", "1")).await;
    let person = Person::new(&api).await;
    create(&person.at(&api), "milk").await;
    database.open().await.execute("UPDATE todo_list SET text = 'sour milk'", &[]).await.unwrap();

    let mended = "SELECT count(*) FROM todo_list WHERE text = 'milk'";
    until("it is mended", async || database.number(mended).await == 1).await;

    api.process.says("a read model differs from the log").await;
    assert!(
        api.process.log().lines().any(|line| line.contains("ERROR") && line.contains("differs from the log"))
    );
    let noted = "SELECT count(*) FROM events WHERE aggregate_type = 'act' \
                 AND payload->>'name' = 'projection.mended' AND payload->>'about' LIKE 'todo_list.v1 todo_list %'";
    until("it is written down", async || database.number(noted).await == 1).await;
}
