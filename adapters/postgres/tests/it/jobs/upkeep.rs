//! What is kept for a time only.

use adapter_postgres::jobs::PgUpkeep;
use application::jobs::{Remnant, Upkeep};
use domain::Timestamp;
use testkit::{TestDatabase, given::moment};

use super::desk::{Act, Count, put};
use crate::rig::Node;

#[tokio::test]
async fn only_what_is_old_is_forgotten_and_only_so_much_at_a_time() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let old = moment(-1);
    let (client, upkeep) = (node.client().await, PgUpkeep::new(node.pools.pool.clone()));
    put(&node, (0..3).map(|n| Count { n, act: Act::Succeed })).await;
    let rows = "INSERT INTO command_log (key, request_hash, aggregate_type, aggregate_id, last_sequence, created_at) \
                  SELECT n::text, '', 'todo', 'x', 1, t.at FROM generate_series(1, 3) n, (VALUES ($1::timestamptz)) t (at); ";
    for (table, sql) in [
        ("command_log", rows.trim_end_matches("; ")),
        ("sent_mails", "INSERT INTO sent_mails SELECT n::text, $1::timestamptz FROM generate_series(1, 3) n"),
        (
            "dev_outbox",
            "INSERT INTO dev_outbox (recipient, subject, body, links, sent_at) \
             SELECT 'a', 'b', 'c', '{}', $1::timestamptz FROM generate_series(1, 3)",
        ),
        (
            "graphile_worker.jobs",
            "UPDATE graphile_worker._private_jobs SET attempts = max_attempts, updated_at = $1::timestamptz",
        ),
    ] {
        assert_eq!(client.execute(sql, &[&old]).await.unwrap(), 3, "{table}");
    }
    let left = async |table: &str| -> i64 {
        client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
    };

    for (what, tables) in [
        (Remnant::Receipts, vec!["command_log"]),
        (Remnant::SentMails, vec!["sent_mails", "dev_outbox"]),
        (Remnant::DeadJobs, vec!["graphile_worker.jobs"]),
    ] {
        let forget = async |before: Timestamp, limit| upkeep.forget(what, before, limit).await.unwrap();
        assert_eq!(forget(old, 10).await, 0, "{what:?}: nothing is older");
        assert_eq!(forget(moment(0), 2).await, 2, "{what:?}: no more than asked for");
        for table in &tables {
            assert_eq!(left(table).await, 1, "{table}");
        }
        assert_eq!(forget(moment(0), 2).await, 1, "{what:?}: the rest");
        for table in &tables {
            assert_eq!(left(table).await, 0, "{table}");
        }
    }
}

#[tokio::test]
async fn jobs_that_still_have_tries_are_never_forgotten() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    put(&node, [Count { n: 1, act: Act::Succeed }]).await;
    let upkeep = PgUpkeep::new(node.pools.pool.clone());

    let gone = upkeep.forget(Remnant::DeadJobs, moment(1_000_000_000), 10).await.unwrap();

    assert_eq!((gone, super::desk::queued(&node).await), (0, 1));
}
