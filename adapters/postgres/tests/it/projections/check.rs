//! The self-check: what somebody changed behind the back of the projections is found, and mended.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use adapter_postgres::{
    AuditListProjection, TodoVersionsProjection, all,
    consumers::{CheckPace, Leases, SelfCheck, Told},
};
use application::BoxError;
use async_trait::async_trait;

use super::{
    scene::{Scene, TODOS},
    serving::town,
};
use crate::rig::{Node, QUICK};

/// About everything there is in a small system.
const PLENTY: usize = 40;
/// Rounds until chance has found whatever there is in a small system.
const ROUNDS: usize = 50;

#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<String>>);

#[async_trait]
impl Told for Heard {
    async fn mended(&self, about: String) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(about);
        Ok(())
    }
}

pub(super) fn check(node: &Node) -> (SelfCheck, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let check = SelfCheck {
        projections: all(&node.deployment()),
        connector: node.pools.connector.clone(),
        leases: Leases::new(node.pools.connector.clone()),
        told: Arc::clone(&heard) as _,
        pace: CheckPace::default(),
    };
    (check, heard)
}

/// What to do to a table, and how many of its pieces are wrong then.
const PLANTED: &[(&str, &str)] = &[
    (
        "todo_list",
        "UPDATE todo_list SET text = 'sour milk' WHERE id = (SELECT id FROM todo_list ORDER BY id LIMIT 1)",
    ),
    ("todo_list", "DELETE FROM todo_list WHERE id = (SELECT id FROM todo_list ORDER BY id LIMIT 1)"),
    (
        "todo_list",
        "INSERT INTO todo_list SELECT tenant_id, owner_id, gen_random_uuid(), 9, 'never written', false, 1, NULL, NULL, '{}', \
         NULL, now(), now(), 1, 1 FROM todo_list LIMIT 1",
    ),
    ("todo_changes", "UPDATE todo_changes SET previous_position = 7"),
    ("todo_changes", "DELETE FROM todo_changes WHERE position = (SELECT min(position) FROM todo_changes)"),
    (
        "todo_changes",
        "INSERT INTO todo_changes SELECT tenant_id, owner_id, tx_id, position + 1000000, tx_id, position, todo_id, \
         'todo.completed', at FROM todo_changes LIMIT 1",
    ),
    ("tag_list", "UPDATE tag_list SET name = 'Elsewhere'"),
    ("tag_list", "DELETE FROM tag_list"),
    ("people", "UPDATE people SET email = 'thief@example.org' WHERE username = 'carol'"),
    ("people", "DELETE FROM people WHERE username = 'dave'"),
    ("people", "UPDATE people SET roles = '{Owner,Admin}'"),
    ("tenants", "UPDATE tenants SET active = false"),
    (
        "tenants",
        "UPDATE tenants SET name = 'Somebody else' WHERE id = (SELECT id FROM tenants ORDER BY id LIMIT 1)",
    ),
    ("tenants", "DELETE FROM tenants WHERE id = (SELECT id FROM tenants ORDER BY id LIMIT 1)"),
    ("referrals", "DELETE FROM referrals WHERE level = 1"),
    ("referrals", "UPDATE referrals SET depth = 5"),
    ("role_list", "UPDATE role_list SET permissions = '{todo:create}'"),
    ("role_list", "DELETE FROM role_list"),
    ("api_key_list", "UPDATE api_key_list SET revoked_at = now()"),
    ("operator_list", "UPDATE operator_list SET role = 'SUPER_ADMIN'"),
    ("operator_list", "DELETE FROM operator_list"),
    (
        "operator_list",
        "INSERT INTO operator_list SELECT gen_random_uuid(), 'Eve', 'eve@portal.test', 'SUPER_ADMIN', true, false, now(), 1",
    ),
    ("todo_versions", "UPDATE todo_versions SET text = 'sour milk' WHERE version = 1"),
    (
        "todo_versions",
        "DELETE FROM todo_versions WHERE id = (SELECT id FROM todo_versions ORDER BY id LIMIT 1)",
    ),
    (
        "todo_versions",
        "INSERT INTO todo_versions SELECT tenant_id, owner_id, id, number, 'never so', archived, priority, due_at, assignee_id, \
         tags, completed_at, created_at, updated_at, version + 90, position, tx_id, deleted FROM todo_versions LIMIT 1",
    ),
    ("people_versions", "UPDATE people_versions SET roles = '{Owner,Admin}'"),
    ("people_versions", "DELETE FROM people_versions WHERE version = 1"),
    (
        "people_versions",
        "INSERT INTO people_versions SELECT tenant_id, gen_random_uuid(), fullname, username, email, status, verified, roles, \
         referral_code, created_at, version, position, tx_id, erased FROM people_versions LIMIT 1",
    ),
    (
        "audit_list",
        "UPDATE audit_list SET actor_id = gen_random_uuid() WHERE position = (SELECT min(position) FROM audit_list)",
    ),
    (
        "audit_list",
        "UPDATE audit_list SET of_tenant = gen_random_uuid() WHERE position = (SELECT max(position) FROM audit_list)",
    ),
    ("audit_list", "DELETE FROM audit_list WHERE position = (SELECT min(position) FROM audit_list)"),
    (
        "audit_list",
        "INSERT INTO audit_list SELECT of_tenant, tx_id, position + 1000000, actor_id, correlation, kind FROM audit_list LIMIT 1",
    ),
    (
        "audit_kinds",
        "UPDATE audit_kinds SET event_type = 'todo.levitated' WHERE kind = (SELECT min(kind) FROM audit_kinds)",
    ),
    ("audit_kinds", "DELETE FROM audit_kinds WHERE kind = (SELECT max(kind) FROM audit_kinds)"),
    ("audit_kinds", "INSERT INTO audit_kinds VALUES (42, 'todo', 'todo.levitated', 'user')"),
    (
        "audit_streams",
        "UPDATE audit_streams SET stream = 'no where' WHERE stream = (SELECT min(stream) FROM audit_streams)",
    ),
    ("audit_streams", "DELETE FROM audit_streams WHERE stream = (SELECT max(stream) FROM audit_streams)"),
    (
        "audit_streams",
        "INSERT INTO audit_streams SELECT gen_random_uuid(), aggregate_type, stream FROM audit_streams LIMIT 1",
    ),
    ("audit_spans", "UPDATE audit_spans SET high_position = high_position - 1"),
    ("audit_spans", "DELETE FROM audit_spans"),
    (
        "audit_spans",
        "INSERT INTO audit_spans SELECT to_tx, to_position + 1000000, to_tx, to_position + 1000000, low_position, high_position, \
         earliest, latest, events FROM audit_spans",
    ),
];

/// The read model of a table.
async fn model_of(scene: &Scene, table: &str) -> String {
    let sql = "SELECT model FROM read_model_tables WHERE table_name = $1";
    scene.node.client().await.query_one(sql, &[&table]).await.unwrap().get(0)
}

#[tokio::test]
async fn every_table_of_every_read_model_has_a_piece_and_is_tampered_with_here() {
    let scene = Scene::new().await;
    let sql = "SELECT table_name FROM read_model_tables WHERE model = $1";
    let mut checked = BTreeSet::new();
    for projection in all(&scene.node.deployment()) {
        let name = projection.name();
        let rows = scene.node.client().await.query(sql, &[&name]).await.unwrap();
        let tables: BTreeSet<&str> = rows.iter().map(|row| row.get(0)).collect();
        assert!(!tables.is_empty(), "{name} is in read_model_tables");
        let pieces = projection.pieces();
        let with_pieces: BTreeSet<&str> = pieces.iter().map(|piece| piece.table).collect();
        assert_eq!(with_pieces, tables, "{name}: each of its tables has a piece, and no other");
        checked.extend(pieces.iter().map(|piece| piece.table));
    }
    let planted: BTreeSet<&str> = PLANTED.iter().map(|(table, _)| *table).collect();
    assert_eq!(planted, checked, "what is checked is also tampered with");
}

#[tokio::test]
async fn planted_corruption_of_every_read_model_is_found_and_mended() {
    let scene = Scene::new().await;
    let _running = town(&scene).await;
    let (check, heard) = check(&scene.node);
    let quiet = check.round(None, PLENTY).await.unwrap();
    assert!(quiet.mended.is_empty() && quiet.broken.is_empty() && quiet.left_out == 0, "{quiet:?}");
    assert!(quiet.pieces >= 16, "{quiet:?}");

    for (table, sql) in PLANTED {
        let (right, model) = (scene.rows(table).await, model_of(&scene, table).await);
        scene.tamper(sql).await;
        assert_ne!(scene.rows(table).await, right, "{sql}");

        let mut rounds = 0;
        while scene.rows(table).await != right {
            let checked = check.round(Some(&model), PLENTY).await.unwrap();
            assert!(checked.broken.is_empty() && checked.left_out == 0, "{sql}: {checked:?}");
            assert!(
                checked.mended.iter().all(|about| about.split(' ').nth(1) == Some(*table)),
                "{sql}: {checked:?}"
            );
            assert_eq!(std::mem::take(&mut *heard.0.lock().unwrap()), checked.mended, "it is told");
            rounds += 1;
            assert!(rounds < ROUNDS, "{sql}: {checked:?}");
        }
    }
    let quiet = check.round(None, PLENTY).await.unwrap();
    assert!(quiet.mended.is_empty() && quiet.broken.is_empty() && quiet.left_out == 0, "{quiet:?}");
}

#[tokio::test]
async fn one_of_many_rows_is_found_before_long() {
    let scene = Scene::new().await;
    scene.todos(300).await;
    let (check, _) = check(&scene.node);
    scene
        .tamper("DELETE FROM todo_list WHERE id = (SELECT id FROM todo_list ORDER BY id OFFSET 150 LIMIT 1)")
        .await;

    let mut rounds = 0;
    while check.round(Some(TODOS), PLENTY).await.unwrap().mended.is_empty() {
        rounds += 1;
        assert!(rounds < 100, "a missing row is not found");
    }
    assert_eq!(scene.rows("todo_list").await.len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_found_where_nothing_is_wrong_however_much_is_written() {
    let scene = Scene::new().await;
    let _running = (
        scene.node.run_at(AuditListProjection, QUICK),
        scene.node.run_at(TodoVersionsProjection::default(), QUICK),
    );
    let (check, _) = check(&scene.node);
    let rounds = async {
        for _ in 0..6 {
            let checked = check.round(None, 6).await.unwrap();
            assert!(
                checked.mended.is_empty() && checked.broken.is_empty() && checked.left_out == 0,
                "{checked:?}"
            );
        }
    };
    let writing = async {
        for _ in 0..8 {
            scene.todos(20).await;
        }
    };
    tokio::join!(rounds, writing);
}

#[tokio::test]
async fn a_model_that_stands_still_is_checked_as_of_where_it_stands() {
    let scene = Scene::new().await;
    scene.todos(10).await;
    let sql = "UPDATE projection_checkpoints SET status = 'paused'";
    scene.node.client().await.batch_execute(sql).await.unwrap();
    let later = testkit::given::todo_stream(scene.alice, &scene.node.entropy).0;
    let event = testkit::given::todo_created(scene.alice, "later");
    scene.node.append([testkit::given::bare::<domain::todo::Todo>(&later, 0, &[event])]).await;
    let (check, _) = check(&scene.node);

    let checked = check.round(Some(TODOS), PLENTY).await.unwrap();

    assert_eq!((checked.mended.len(), checked.left_out), (0, 0));
    assert_eq!(scene.rows("todo_list").await.len(), 10);
}
