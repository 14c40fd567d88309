//! After a restore from a dump the server counts on from where the log ends, or says that it is too
//! far away. That readers then skip and repeat nothing is proved from outside, in `bin/api/tests/it`.

use adapter_postgres::{
    log::is_ahead,
    migrations::{MigrationError, Migrations, Restored},
};
use domain::todo::Todo;
use sqlx::postgres::PgConnectOptions;
use testkit::{
    TestDatabase,
    given::{bare, somebody, todo_created, todo_stream},
};

use crate::rig::Node;

/// A log of one event.
async fn log() -> TestDatabase {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    node.append([bare::<Todo>(&todo_stream(alice, &node.entropy).0, 0, &[todo_created(alice, "milk")])])
        .await;
    database
}

/// As if what a table names came from a server that has lived longer.
async fn lead(database: &TestDatabase, table: &str, by: u64) {
    let sql = format!(
        "SET session_replication_role = replica; UPDATE {table} \
         SET tx_id = (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + {by})::text::xid8"
    );
    database.owner().await.batch_execute(&sql).await.unwrap();
}

/// What came of it, and how often there was a sign of life.
async fn restore(database: &TestDatabase) -> (Result<Restored, MigrationError>, usize) {
    let options: PgConnectOptions = database.owner_url().parse().unwrap();
    let mut signs = 0;
    let done = Migrations::connect(&options).await.unwrap().restored(|_, _| signs += 1).await;
    (done, signs)
}

async fn epoch(database: &TestDatabase) -> String {
    let sql = "SELECT epoch::text FROM log_identity";
    database.owner().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_log_that_is_too_far_ahead_is_refused_and_left_as_it_was() {
    let database = log().await;
    lead(&database, "events", 3_000_000_000).await;
    let before = epoch(&database).await;

    let (refused, signs) = restore(&database).await;

    let Err(MigrationError::TooFar { log, server }) = refused else { panic!("{refused:?}") };
    assert!(log > server + 2_000_000_000, "{log} {server}");
    assert_eq!((signs, epoch(&database).await), (0, before));
    assert!(is_ahead(&database.owner().await).await.unwrap());
}

#[tokio::test]
async fn a_server_that_a_log_is_ahead_of_catches_up_and_the_log_gets_another_epoch() {
    let database = log().await;
    assert!(!is_ahead(&database.owner().await).await.unwrap());
    lead(&database, "events", 5_000).await;
    assert!(is_ahead(&database.owner().await).await.unwrap());
    let before = epoch(&database).await;

    let (done, signs) = restore(&database).await;

    let Restored { log, server } = done.unwrap();
    assert!(server > log && signs == 1, "{log} {server} {signs}");
    assert!(!is_ahead(&database.owner().await).await.unwrap());
    let after = epoch(&database).await;
    assert_ne!(after, before);
    let (again, signs) = restore(&database).await;
    assert_eq!((again.unwrap().log, signs), (log, 0), "there is nothing to pass any more");
}

#[tokio::test]
async fn whatever_names_a_transaction_counts_not_only_events() {
    let database = log().await;
    let sql = "INSERT INTO projection_checkpoints (name) VALUES ('far.v1')";
    database.owner().await.batch_execute(sql).await.unwrap();
    lead(&database, "projection_checkpoints", 5_000).await;

    let (done, signs) = restore(&database).await;

    let sql =
        "SELECT count(*) FROM projection_checkpoints WHERE tx_id >= pg_snapshot_xmax(pg_current_snapshot())";
    let ahead: i64 = database.owner().await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!((done.is_ok(), signs, ahead), (true, 1, 0));
}
