//! The consumer that seals: everything, once, in the order of the log, whoever dies on the way.

use std::time::Duration;

use adapter_postgres::{
    Sealing,
    consumers::{self, Pace, Status},
};
use application::proofs::Seals;
use testkit::{TestDatabase, eventually};
use tokio_postgres::error::SqlState;

use super::office::{Office, TYPES};
use crate::rig::QUICK;

/// The leaf of an event, computed by Postgres alone.
const BY_POSTGRES: &str = "WITH e AS (SELECT *, ARRAY[aggregate_type, aggregate_id, event_type, event_version, \
       payload::text, metadata::text] AS texts FROM events) \
     SELECT count(*), count(*) FILTER (WHERE l.hash = sha256('\\x0001'::bytea || int8send(e.position) \
       || int8send((extract(epoch FROM e.recorded_at) * 1000000)::bigint) || int8send(e.sequence) \
       || (SELECT string_agg(int4send(octet_length(convert_to(t, 'UTF8'))) || convert_to(t, 'UTF8'), '' ORDER BY n) \
           FROM unnest(e.texts) WITH ORDINALITY AS u (t, n)))) \
     FROM e JOIN audit_leaves AS l ON l.position = e.position";

#[tokio::test]
async fn a_leaf_is_the_hash_of_what_is_stored() {
    let office = Office::open().await;
    office.write(40).await;
    office.seal().await;
    let row = office.node.client().await.query_one(BY_POSTGRES, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (40, 40));
    office.is_whole().await;
    let types = "SELECT count(DISTINCT aggregate_type) FROM events JOIN audit_leaves USING (position)";
    let types: i64 = office.node.client().await.query_one(types, &[]).await.unwrap().get(0);
    assert_eq!(types, i64::try_from(TYPES.len()).unwrap());
}

#[tokio::test]
async fn an_event_of_a_type_that_nobody_knows_is_sealed_as_well() {
    let office = Office::open().await;
    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
               VALUES ('stranger', 's', 1, 'stranger.came', '1', '{}', '{}')";
    office.node.client().await.batch_execute(sql).await.unwrap();
    office.seal().await;
    assert_eq!(office.size().await, 1);
}

#[tokio::test]
async fn an_event_behind_an_open_transaction_waits_and_keeps_its_place() {
    let office = Office::of(TestDatabase::alone().await);
    let running = office.node.run(Sealing);
    office.write(5).await;
    office.sealed().await;
    let late = office.database.owner().await;
    let insert = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
                  VALUES ('todo', 'late', 1, 'todo.late', '1', '{}', '{}')";
    late.batch_execute("BEGIN").await.unwrap();
    late.batch_execute(insert).await.unwrap();

    office.write(20).await;
    tokio::time::sleep(QUICK.poll * 5).await;
    assert_eq!(office.size().await, 5, "nothing may overtake it");
    let lag = office.seals.lag().await.unwrap();
    assert_eq!(lag.events, 20);
    assert!(lag.seconds > 0.0, "{lag:?}");
    late.batch_execute("COMMIT").await.unwrap();

    office.sealed().await;
    running.stop().await;
    office.is_whole().await;
    assert_eq!(office.size().await, 26);
    assert_eq!(office.seals.lag().await.unwrap().events, 0);
    let of_late =
        "SELECT leaf_index FROM audit_leaves JOIN events USING (position) WHERE aggregate_id = 'late'";
    let index: i64 = office.node.client().await.query_one(of_late, &[]).await.unwrap().get(0);
    assert_eq!(index, 5);
    office.sign().await;
    assert_eq!(office.examined().await.finding, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sealers_that_lose_their_lease_or_die_seal_each_event_once() {
    const EVENTS: usize = 1_500;
    let office = Office::open().await;
    let nodes = [office.node.beside(&office.database, 2), office.node.beside(&office.database, 3)];
    let pace = Pace { poll: Duration::from_millis(5), retry: Duration::from_millis(2), batch: 20 };
    let mut running: Vec<_> = nodes.iter().map(|node| Some(node.run_at(Sealing, pace))).collect();
    let thief = office.database.owner().await;
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    for round in 0..15 {
        office.write(EVENTS / 15).await;
        thief.query_one(ended, &[]).await.unwrap();
        let at = round % 2;
        if let Some(one) = running[at].take() {
            one.kill().await;
        }
        running[at] = Some(nodes[at].run_at(Sealing, pace));
    }
    office.sealed().await;
    office.is_whole().await;
    office.sign().await;
    let verdict = office.examined().await;
    assert_eq!((verdict.finding, verdict.events), (None, EVENTS as u64));
    assert_eq!(verdict.checkpoints, EVENTS as u64 / super::office::LEAVES);
}

#[tokio::test]
async fn a_checkpoint_that_was_moved_back_seals_nothing_twice() {
    let office = Office::open().await;
    office.write(300).await;
    office.seal().await;
    let client = office.node.client().await;
    let back = "UPDATE projection_checkpoints SET tx_id = '0', position = 0 WHERE name = 'audit_seal.v1'";
    client.batch_execute(back).await.unwrap();
    office.write(10).await;
    office.seal().await;
    office.node.caught_up(Sealing::NAME, &TYPES).await;
    office.is_whole().await;

    // Unless the event is another one by now.
    let change = "UPDATE events SET payload = '{}' WHERE position = (SELECT max(position) FROM events)";
    office.superuser().await.batch_execute(change).await.unwrap();
    client.batch_execute(back).await.unwrap();
    let running = office.node.run(Sealing);
    let halted = async || {
        let all = consumers::list(&client).await.unwrap();
        let sealing = all.into_iter().find(|it| it.name == Sealing::NAME).unwrap();
        sealing.status == Status::Halted && sealing.last_error.unwrap().contains("another content")
    };
    eventually("it stops with an alarm", halted).await;
    drop(running);
    assert_eq!(office.size().await, 310);
}

#[tokio::test]
async fn nobody_changes_a_seal() {
    let office = Office::open().await;
    office.write(5).await;
    office.seal().await;
    office.sign().await;
    let (service, owner) = (office.node.client().await, office.database.owner().await);
    for change in [
        "UPDATE audit_leaves SET position = 9",
        "DELETE FROM audit_leaves",
        "UPDATE audit_nodes SET level = 9",
        "DELETE FROM audit_nodes",
        "UPDATE audit_checkpoints SET note = ''",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_log SET name = ''",
        "TRUNCATE audit_leaves",
    ] {
        let refused = service.batch_execute(change).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
        let refused = owner.batch_execute(change).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("append-only"), "{change}: {refused}");
    }
    assert_eq!(office.examined().await.events, 5);
}
