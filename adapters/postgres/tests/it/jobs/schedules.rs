//! Schedules fire once in a cluster, whatever clocks do.

use std::{process::Command, sync::Arc, time::Duration};

use chrono::{DateTime, Local, Offset, TimeZone, Utc};
use futures_util::FutureExt;
use graphile_worker::{Database, HookRegistry, parse_crontab, tokio_postgres::TokioPostgresDatabase};
use graphile_worker_crontab_runner::{CronRunner, MockClock};
use testkit::{TestDatabase, eventually};
use tokio_util::sync::CancellationToken;

use crate::rig::Node;

/// Around the hour that does not exist in spring and exists twice in autumn: 02:00 to 03:00 in
/// Berlin is 01:00 UTC in spring, and 00:00 as well as 01:00 UTC in autumn.
const CRONTABS: &str = "30 0 * * * test:before\n30 1 * * * test:within\n30 2 * * * test:after";
/// Longer than a scheduler takes to begin, and to do what it should not.
const PAUSE: Duration = Duration::from_millis(200);
/// Said for each night in which the clocks of this process change.
const CHANGED: &str = "the clocks change";
/// Central European time, in words that need no list of zones.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

#[test]
fn a_schedule_fires_once_a_day_over_two_schedulers_and_the_change_of_clocks() {
    let here = std::env::current_exe().unwrap();
    let inner = "jobs::schedules::a_schedule_fires_once_a_day_in_the_time_zone_of_this_machine";
    let done = Command::new(here).args(["--exact", inner, "--nocapture"]).env("TZ", BERLIN).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(said.matches(CHANGED).count(), 2, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_fires_once_a_day_in_the_time_zone_of_this_machine() {
    for (month, day) in [(3, 29), (10, 25)] {
        let utc = |day: u32, hour| Utc.with_ymd_and_hms(2026, month, day, hour, 0, 0).unwrap();
        let offset = |at: DateTime<Utc>| at.with_timezone(&Local).offset().fix().local_minus_utc();
        if offset(utc(day, 0)) != offset(utc(day, 3)) {
            println!("{CHANGED}");
        }
        fires_once(utc(day - 1, 20), utc(day + 1, 4)).await;
    }
}

/// From `start` to `end` each entry is due twice.
async fn fires_once(start: DateTime<Utc>, end: DateTime<Utc>) {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let queue: Database = TokioPostgresDatabase::new(node.pools.pool.clone()).into();
    let stop = CancellationToken::new();
    // The second one's clock is an hour fast.
    let clocks = [0, 1].map(|hours| {
        let clock = MockClock::new((start + chrono::Duration::hours(hours)).with_timezone(&Local));
        Arc::new(clock)
    });
    let running = clocks.each_ref().map(|clock| {
        let (clock, queue, ended) = (Arc::clone(clock), queue.clone(), stop.clone().cancelled_owned());
        tokio::spawn(async move {
            let crontabs = parse_crontab(CRONTABS).unwrap();
            let hooks = HookRegistry::default();
            let runner = CronRunner::new(&queue, "graphile_worker", &crontabs, &hooks).with_clock(clock);
            runner.run(ended.boxed().shared()).await.unwrap();
        })
    });
    let client = node.client().await;
    let known = "SELECT count(*) = 3 FROM graphile_worker._private_known_crontabs";
    eventually("the schedules are known", async || client.query_one(known, &[]).await.unwrap().get(0)).await;

    tokio::time::sleep(PAUSE).await;
    // Both schedulers catch up minute by minute, at the same time.
    let fired = "SELECT count(*) FROM graphile_worker.jobs";
    let last = "SELECT count(*) = 3 FROM graphile_worker._private_known_crontabs WHERE last_execution >= $1";
    let day = end - chrono::Duration::hours(4);
    eventually("all days are over", async || {
        for clock in &clocks {
            clock.set_time(end.with_timezone(&Local));
        }
        client.query_one(last, &[&day]).await.unwrap().get(0)
    })
    .await;
    tokio::time::sleep(PAUSE).await;

    assert_eq!(client.query_one(fired, &[]).await.unwrap().get::<_, i64>(0), 6, "twice each, from {start}");
    let each = "SELECT count(*) FROM (SELECT task_identifier FROM graphile_worker.jobs GROUP BY 1 \
                HAVING count(*) = 2) AS twice";
    assert_eq!(client.query_one(each, &[]).await.unwrap().get::<_, i64>(0), 3);
    stop.cancel();
    for runner in running {
        runner.await.unwrap();
    }
}
