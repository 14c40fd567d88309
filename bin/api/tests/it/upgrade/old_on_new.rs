//! The deploy's first minutes: the schema is new, the programs are not.

use super::releases;
use crate::database::Database;

#[tokio::test]
async fn the_previous_release_serves_on_the_new_schema() {
    let Some(both) = releases() else { return };
    let database = Database::migrated().await;

    let running = both.old.serve(&database).await;
    let person = running.is_used("early").await;

    let listed = both.old.worker(&database, &["projections", "list"]).await;
    assert!(listed.status.success(), "{listed:?}");
    // Its own migrator is behind, and finds nothing to do.
    let said = both.old.migrate(&database, &[]).await;
    assert!(said.contains("No pending migrations"), "{said}");
    assert!(!running.trail(&person).await.is_empty());
    running.stop().await;
}
