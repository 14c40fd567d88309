//! Seals outlive a dump and a restore: nothing in a leaf depends on the server.

use std::process::Command;

use adapter_postgres::PgSeals;
use application::proofs::{SealSource, Seals, examine};
use testkit::{TestDatabase, setting};

use super::office::Office;

fn program(name: &str) -> Command {
    Command::new(format!("{}/{name}", setting("TEST_PG_BIN_DIR")))
}

#[tokio::test]
async fn a_restored_log_is_what_was_sealed_and_goes_on() {
    let office = Office::open().await;
    office.write(600).await;
    office.seal().await;
    office.sign().await;
    let dump = program("pg_dump").arg(office.database.owner_url()).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let restored = TestDatabase::empty().await;
    let file = std::env::temp_dir().join(format!("{}.sql", restored.name()));
    std::fs::write(&file, dump.stdout).unwrap();
    let mut restore = program("psql");
    restore.args(["-q", "-v", "ON_ERROR_STOP=1", "-d", restored.owner_url(), "-f"]).arg(&file);
    let done = restore.output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let mut copy = Office { key: std::sync::Arc::clone(&office.key), ..Office::of(restored) };
    let verdict = copy.examined().await;
    assert_eq!((verdict.finding, verdict.events, verdict.checkpoints), (None, 600, 6));
    // Its own events, with ids of their own, are sealed behind the old ones.
    copy.node = copy.node.beside(&copy.database, 9);
    copy.write(20).await;
    copy.seal().await;
    copy.sign().await;
    assert_eq!(copy.examined().await.events, 620);
    copy.is_whole().await;
}

#[tokio::test]
async fn where_the_seals_say_that_events_stand_changes_nothing_of_what_is_read() {
    let office = Office::open().await;
    office.write(60).await;
    office.seal().await;
    office.sign().await;
    // As after a restore that gave all transactions other numbers, in the same order.
    let sql = "UPDATE events SET tx_id = (1000000 + tx_id::text::bigint)::text::xid8";
    office.superuser().await.batch_execute(sql).await.unwrap();
    let seals = PgSeals::new(office.node.pools.pool.clone());
    let mut events = seals.events(0..60).await.unwrap();
    let keys = [office.key.public()];
    let verdict =
        examine(&seals, events.as_mut(), 0..seals.size().await.unwrap(), &keys, |_| {}).await.unwrap();
    assert_eq!((verdict.finding, verdict.events), (None, 60));
}
