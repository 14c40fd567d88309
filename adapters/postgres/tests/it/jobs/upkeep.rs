//! What is kept for a time only.

use std::time::Duration;

use adapter_postgres::jobs::{Bell, PgUpkeep, our_kinds};
use application::{
    Terms,
    jobs::{Attempt, ForgetTokens, Job, JobId, NewJob, Perform, Remnant, SCHEDULES, Upkeep},
    user::RequestPasswordReset,
};
use domain::Timestamp;
use testkit::{
    TestDatabase, eventually,
    given::{moment, nobody},
};
use tokio_util::sync::CancellationToken;

use super::{
    desk::{Act, Count, QUICK, is_empty, put, put_raw, queued},
    mails::{jobs, register},
};
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

    assert_eq!((gone, queued(&node).await), (0, 1));
}

async fn awaited(node: &Node) -> i64 {
    let sql = "SELECT count(*) FROM unique_claims WHERE scope IN ('user.verification', 'user.reset')";
    node.client().await.query_one(sql, &[]).await.unwrap().get(0)
}

async fn expiries(node: &Node) -> i64 {
    let sql = "SELECT count(*) FROM events WHERE event_type = 'user.tokens_expired'";
    node.client().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailed_tokens_that_have_expired_are_cleared_away_once_and_others_are_left() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    register(&node).await;
    assert_eq!(awaited(&node).await, 1);
    let attempt = Attempt { job: JobId(1), number: 1, key: None };
    let forget = async || jobs(&node).perform(ForgetTokens {}, &attempt).await.unwrap();
    forget().await;
    assert_eq!((awaited(&node).await, expiries(&node).await), (1, 0), "it can still be used");

    node.clock.advance(Duration::from_hours(24));
    let email = "ann@people.test".to_owned();
    node.app().send(&nobody(), RequestPasswordReset { email }, Terms::default()).await.unwrap();
    eventually("a reset waits as well", async || awaited(&node).await == 2).await;
    forget().await;
    assert_eq!((awaited(&node).await, expiries(&node).await), (1, 1), "the verification has expired");
    forget().await;
    assert_eq!(expiries(&node).await, 1, "nothing is left to do");

    // From the queue, as the schedule puts it there, with two workers about.
    node.clock.advance(Duration::from_hours(1));
    assert!(SCHEDULES.iter().any(|schedule| schedule.job == ForgetTokens::NAME));
    let stop = CancellationToken::new();
    let workers = [(), ()].map(|()| {
        tokio::spawn(our_kinds(jobs(&node), node.pools.pool.clone(), Bell::new(), QUICK).run(stop.clone()))
    });
    let job = NewJob::of(&ForgetTokens {}, "test").unwrap();
    put_raw(&node, vec![job]).await.unwrap();
    eventually("it is done", async || awaited(&node).await == 0).await;
    is_empty(&node).await;
    assert_eq!(expiries(&node).await, 2);
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
}

#[tokio::test]
async fn people_with_pending_tokens_are_found_in_pages() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let upkeep = PgUpkeep::new(node.pools.pool.clone());
    let sql = "INSERT INTO unique_claims (scope, value, aggregate_id) SELECT s.scope, n::text::bytea, 'p' || n \
               FROM generate_series(1, 5) n, (VALUES ('user.reset'), ('user.verification'), ('user.email')) s (scope)";
    node.client().await.execute(sql, &[]).await.unwrap();
    let mut found = Vec::new();
    while let page = upkeep.awaiting(found.last(), 2).await.unwrap()
        && !page.is_empty()
    {
        assert!(page.len() <= 2);
        found.extend(page);
    }
    let names: Vec<&str> = found.iter().map(domain::StreamId::as_str).collect();
    assert_eq!(names, ["p1", "p2", "p3", "p4", "p5"]);
}
