//! The schema of the queue: the library's own, made by our migrator.

use graphile_worker::{Worker, tokio_postgres::TokioPostgresDatabase};
use testkit::TestDatabase;
use tokio_postgres::error::SqlState;

/// Everything in the library's schema, one line a thing, apart from what we granted.
async fn schema(database: &TestDatabase) -> Vec<String> {
    const PARTS: [&str; 6] = [
        "SELECT format('column %s.%s %s %s %s %s %s', table_name, column_name, data_type, is_nullable, column_default, \
           is_generated, generation_expression) FROM information_schema.columns WHERE table_schema = 'graphile_worker'",
        "SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint \
           WHERE connamespace = 'graphile_worker'::regnamespace",
        "SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'graphile_worker'",
        "SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal \
           AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'graphile_worker'::regnamespace)",
        "SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc \
           WHERE pronamespace = 'graphile_worker'::regnamespace",
        "SELECT format('revision %s %s', id, breaking) FROM graphile_worker.migrations",
    ];
    let owner = database.owner().await;
    let mut lines = Vec::new();
    for part in PARTS {
        lines.extend(owner.query(part, &[]).await.unwrap().iter().map(|row| row.get::<_, String>(0)));
    }
    lines.sort_unstable();
    lines
}

/// Starts a worker as the database's owner, as the library would have us do it.
async fn as_the_library_does(database: &TestDatabase) {
    let owner = TokioPostgresDatabase::from_url(database.owner_url(), 2).unwrap();
    drop(Worker::options().database(owner).init().await.unwrap());
}

#[tokio::test]
async fn our_file_makes_the_schema_that_this_version_of_the_library_would_make() {
    let (theirs, ours) = (TestDatabase::empty().await, TestDatabase::new().await);
    as_the_library_does(&theirs).await;
    let expected = schema(&theirs).await;
    assert!(expected.len() > 50, "{expected:?}");

    assert_eq!(schema(&ours).await, expected, "a new version needs a new migration of ours");

    as_the_library_does(&ours).await;
    assert_eq!(schema(&ours).await, expected, "it finds nothing to do");
}

#[tokio::test]
async fn services_use_the_queue_and_cannot_change_what_it_is() {
    let database = TestDatabase::new().await;
    let service = database.pools().pool.get().await.unwrap();
    let visible = "SELECT count(*) FROM graphile_worker._private_jobs";
    service.query("SELECT graphile_worker.add_job('test:x')", &[]).await.unwrap();
    assert_eq!(service.query_one(visible, &[]).await.unwrap().get::<_, i64>(0), 1, "its own rows are seen");

    for change in [
        "CREATE TABLE graphile_worker.t (a int)",
        "ALTER TABLE graphile_worker._private_jobs DISABLE ROW LEVEL SECURITY",
        "INSERT INTO graphile_worker.migrations (id) VALUES (99)",
        "DELETE FROM graphile_worker.migrations",
        "DROP FUNCTION graphile_worker.remove_job",
    ] {
        let refused = service.batch_execute(change).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
    }
}
