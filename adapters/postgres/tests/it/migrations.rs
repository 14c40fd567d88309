//! Migrations: there and back, one at a time, never changed, and with no more rights than needed.

use adapter_postgres::migrations::{MigrationError, Migrations, NEWEST, schema_version};
use domain::todo::Todo;
use sqlx::postgres::PgConnectOptions;
use testkit::{
    TestDatabase,
    given::{bare, somebody, todo_created, todo_stream},
};
use tokio_postgres::error::SqlState;

use crate::rig::Node;

async fn session(database: &TestDatabase) -> Migrations {
    let options: PgConnectOptions = database.owner_url().parse().unwrap();
    Migrations::connect(&options).await.unwrap()
}

/// Everything that makes the schema what it is, one line a thing.
async fn schema(database: &TestDatabase) -> Vec<String> {
    const PARTS: [&str; 6] = [
        "SELECT format('column %s.%s %s %s %s %s', table_name, column_name, data_type, is_nullable, column_default, \
           collation_name) FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint \
           WHERE connamespace = 'public'::regnamespace",
        "SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "SELECT format('table %s %s %s', relname, reloptions, relacl) FROM pg_class \
           WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')",
    ];
    let owner = database.owner().await;
    let mut lines = Vec::new();
    for part in PARTS {
        lines.extend(owner.query(part, &[]).await.unwrap().iter().map(|row| row.get::<_, String>(0)));
    }
    lines.retain(|line| !line.contains("_sqlx_migrations"));
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn there_is_nothing_to_revert_in_the_beginning() {
    let database = TestDatabase::empty().await;

    let refused = session(&database).await.revert().await;

    assert!(matches!(refused, Err(MigrationError::NothingToRevert)), "{refused:?}");
    assert_eq!(schema_version(&database.owner().await).await.unwrap(), 0);
}

#[tokio::test]
async fn an_applied_migration_that_was_changed_is_refused() {
    let database = TestDatabase::new().await;
    let sql = "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2";
    database.owner().await.batch_execute(sql).await.unwrap();
    let mut migrations = session(&database).await;

    for outcome in [migrations.status().await.map(drop), migrations.migrate().await.map(drop)] {
        assert!(
            matches!(&outcome, Err(MigrationError::Changed(name)) if name.starts_with("0002")),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn all_the_way_down_and_up_again_ends_where_it_was() {
    let database = TestDatabase::empty().await;
    let mut migrations = session(&database).await;
    let before = schema(&database).await;
    let status = migrations.status().await.unwrap();
    assert!(status.len() >= 6 && status.iter().all(|state| !state.applied));

    let applied = migrations.migrate().await.unwrap();
    assert!(migrations.status().await.unwrap().iter().all(|state| state.applied));
    assert_eq!(schema_version(&database.owner().await).await.unwrap(), NEWEST);
    let migrated = schema(&database).await;
    assert_eq!(migrations.migrate().await.unwrap(), [""; 0], "a second time there is nothing to do");

    let mut reverted = Vec::new();
    for _ in &applied {
        reverted.push(migrations.revert().await.unwrap());
    }
    reverted.reverse();
    assert_eq!(reverted, applied, "the newest first");
    assert_eq!(schema(&database).await, before, "the way back leaves nothing behind");

    migrations.migrate().await.unwrap();
    assert_eq!(schema(&database).await, migrated);
    assert!(migrated.iter().any(|line| line.starts_with("trigger") && line.contains("events_no_change")));
    migrations.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_migrators_at_once_one_works_and_the_other_finds_nothing_to_do() {
    let database = TestDatabase::empty().await;
    let one = async || {
        let mut migrations = session(&database).await;
        let applied = migrations.migrate().await.unwrap();
        migrations.close().await.unwrap();
        applied.len()
    };

    let all = session(&database).await.status().await.unwrap().len();

    let (first, second) = tokio::join!(one(), one());

    assert!((first, second) == (all, 0) || (first, second) == (0, all), "{first} and {second}");
}

#[tokio::test]
async fn nobody_changes_what_happened() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    node.append([bare::<Todo>(&todo_stream(alice, &node.entropy).0, 0, &[todo_created(alice, "milk")])])
        .await;
    let (service, owner) = (node.client().await, database.owner().await);

    for change in ["UPDATE events SET payload = '{}'", "DELETE FROM events", "TRUNCATE events"] {
        let refused = service.batch_execute(change).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
        let refused = owner.batch_execute(change).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("append-only"), "{change}: {refused}");
    }
    for more in
        ["CREATE TABLE t (a int)", "DELETE FROM _sqlx_migrations", "ALTER TABLE events DISABLE TRIGGER ALL"]
    {
        let refused = service.batch_execute(more).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{more}");
    }
    let left: i64 = service.query_one("SELECT count(*) FROM events", &[]).await.unwrap().get(0);
    assert_eq!(left, 1);
}
