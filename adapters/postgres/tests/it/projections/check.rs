//! The self-check: what somebody changed behind the back of the projections is found, and mended.

use std::sync::{Arc, Mutex};

use adapter_postgres::{
    all,
    consumers::{CheckPace, Leases, SelfCheck, Told},
};
use application::BoxError;
use async_trait::async_trait;

use super::{
    scene::{Scene, TODOS},
    serving::town,
};

/// Everything there is in a small system.
const PLENTY: usize = 40;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

#[async_trait]
impl Told for Heard {
    async fn mended(&self, about: String) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(about);
        Ok(())
    }
}

fn check(scene: &Scene) -> (SelfCheck, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let check = SelfCheck {
        projections: all(&scene.node.deployment()),
        connector: scene.node.pools.connector.clone(),
        leases: Leases::new(scene.node.pools.connector.clone()),
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
];

#[tokio::test]
async fn planted_corruption_of_every_read_model_is_found_and_mended() {
    let scene = Scene::new().await;
    let _running = town(&scene).await;
    let (check, heard) = check(&scene);
    let quiet = check.round(None, PLENTY).await.unwrap();
    assert!(quiet.mended.is_empty() && quiet.broken.is_empty() && quiet.left_out == 0, "{quiet:?}");
    assert!(quiet.pieces >= 16, "{quiet:?}");

    for (table, sql) in PLANTED {
        let right = scene.rows(table).await;
        scene.tamper(sql).await;
        assert_ne!(scene.rows(table).await, right, "{sql}");

        let checked = check.round(None, PLENTY).await.unwrap();

        assert!(!checked.mended.is_empty() && checked.broken.is_empty(), "{sql}: {checked:?}");
        assert!(
            checked.mended.iter().all(|about| about.split(' ').nth(1) == Some(*table)),
            "{sql}: {checked:?}"
        );
        assert_eq!(scene.rows(table).await, right, "{sql}");
        assert_eq!(std::mem::take(&mut *heard.0.lock().unwrap()), checked.mended, "it is told");
    }
    assert!(check.round(None, PLENTY).await.unwrap().mended.is_empty());
}

#[tokio::test]
async fn one_of_many_rows_is_found_before_long() {
    let scene = Scene::new().await;
    scene.todos(300).await;
    let (check, _) = check(&scene);
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
    let (check, _) = check(&scene);
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
    let (check, _) = check(&scene);

    let checked = check.round(Some(TODOS), PLENTY).await.unwrap();

    assert_eq!((checked.mended.len(), checked.left_out), (0, 0));
    assert_eq!(scene.rows("todo_list").await.len(), 10);
}
