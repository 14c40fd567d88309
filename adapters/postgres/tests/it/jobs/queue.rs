//! How the queue runs jobs.

use std::time::{Duration, Instant};

use adapter_postgres::jobs::{Bell, JobPace, JobQueue, PgJobBoard};
use application::{
    Window,
    jobs::{Acted, Job, JobBoard, JobFilter, JobId, JobRow, JobState, NewJob},
};
use serde_json::json;
use testkit::{TestDatabase, eventually};

use super::desk::{Act, Count, Counter, QUICK, TEST_QUEUE, Worker, hurry, is_empty, put, put_raw, queued};
use crate::rig::Node;

async fn setting() -> (TestDatabase, Node, PgJobBoard) {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let board = PgJobBoard::new(node.pools.pool.clone());
    (database, node, board)
}

fn job(n: usize, act: Act) -> Count {
    Count { n, act }
}

/// The only job there is, once it is in that state.
async fn comes_to(board: &PgJobBoard, state: JobState) -> JobRow {
    eventually(&format!("a job is {state:?}"), async || {
        let filter = JobFilter { state: Some(state), ..JobFilter::default() };
        board.count(&filter).await.unwrap() > 0
    })
    .await;
    let page = board.page(&JobFilter::default(), &Window::First(10, None)).await.unwrap();
    let [edge] = page.edges.try_into().unwrap();
    edge.node
}

fn done(acted: Acted) -> JobRow {
    match acted {
        Acted::Done(job) => job,
        other @ (Acted::Running | Acted::Absent) => panic!("nothing was done: {other:?}"),
    }
}

#[tokio::test]
async fn a_job_whose_transaction_is_rolled_back_is_never_run() {
    let (_database, node, _) = setting().await;
    let mut client = node.client().await;
    let tx = client.transaction().await.unwrap();
    let new = NewJob::of(&job(1, Act::Succeed), "1").unwrap();
    JobQueue::new(&node.pools.pool, &Bell::new()).put(&tx, vec![new]).await.unwrap();
    tx.rollback().await.unwrap();
    drop(client);
    let counter = Counter::default();
    let _worker = Worker::start(&node, &counter);

    put(&node, [job(2, Act::Succeed)]).await;

    is_empty(&node).await;
    assert_eq!((counter.of(1), counter.of(2)), (0, 1));
}

#[tokio::test]
async fn while_a_job_of_a_cause_waits_there_is_no_second_one() {
    let (_database, node, _) = setting().await;
    for _ in 0..3 {
        put(&node, [job(7, Act::Succeed)]).await;
    }
    assert_eq!(queued(&node).await, 1);
    let counter = Counter::default();
    let _worker = Worker::start(&node, &counter);
    is_empty(&node).await;
    assert_eq!(counter.of(7), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_workers_run_each_of_many_jobs_exactly_once() {
    const JOBS: usize = 1_000;
    let (database, node, _) = setting().await;
    let counter = Counter::default();
    let nodes = [2, 3, 4].map(|seed| node.beside(&database, seed));
    let workers = nodes.each_ref().map(|node| Worker::start(node, &counter));

    for batch in 0..10 {
        put(&node, (0..JOBS / 10).map(|n| job(batch * JOBS / 10 + n, Act::Succeed))).await;
    }

    is_empty(&node).await;
    let runs = counter.runs();
    assert_eq!(runs.len(), JOBS, "none is forgotten");
    assert!(runs.values().all(|runs| *runs == 1), "none runs twice");
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_failed_job_waits_twice_as_long_each_time_and_ends_as_a_dead_letter() {
    let (_database, node, board) = setting().await;
    let counter = Counter::default();
    let _worker = Worker::start(&node, &counter);
    put(&node, [job(1, Act::FailAgain)]).await;

    for (attempt, pause) in [(1, 5.0), (2, 10.0)] {
        eventually("it was tried", async || counter.of(1) == attempt).await;
        let row = comes_to(&board, JobState::Retrying).await;
        assert_eq!((usize::try_from(row.attempts).unwrap(), row.tries), (attempt, TEST_QUEUE.tries));
        assert_eq!(row.last_error.as_deref(), Some("not today"));
        let sql = "SELECT extract(epoch FROM run_at - updated_at)::float8 FROM graphile_worker.jobs";
        let waits: f64 = node.client().await.query_one(sql, &[]).await.unwrap().get(0);
        assert!((waits - pause).abs() < 0.5, "try {attempt} waits {waits} s");
        hurry(&node).await;
    }

    let dead = comes_to(&board, JobState::Dead).await;
    assert_eq!((dead.attempts, dead.name.as_str()), (3, Count::NAME));
    hurry(&node).await;
    tokio::time::sleep(QUICK.poll * 5).await;
    assert_eq!(counter.of(1), 3, "a dead letter is left alone");
}

#[tokio::test]
async fn what_is_final_is_a_dead_letter_at_once_with_the_answer() {
    let (_database, node, board) = setting().await;
    let counter = Counter::default();
    let _worker = Worker::start(&node, &counter);

    put(&node, [job(1, Act::FailForGood)]).await;

    let dead = comes_to(&board, JobState::Dead).await;
    assert_eq!(dead.last_error.as_deref(), Some("550 no such place"));
    assert_eq!(counter.of(1), 1);
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_is_a_dead_letter_at_once() {
    let (_database, node, board) = setting().await;
    let counter = Counter::default();
    let _worker = Worker::start(&node, &counter);
    let broken = NewJob { payload: json!({"n": "many"}), ..NewJob::of(&job(1, Act::Succeed), "1").unwrap() };

    put_raw(&node, vec![broken]).await.unwrap();

    let dead = comes_to(&board, JobState::Dead).await;
    assert!(dead.last_error.unwrap().contains("invalid type"));
    assert!(counter.runs().is_empty());
}

#[tokio::test]
async fn a_job_that_panics_or_takes_too_long_is_tried_again_and_its_worker_goes_on() {
    for (act, cause) in [(Act::Panic, "the job panicked"), (Act::Stall, "longer than")] {
        let (_database, node, board) = setting().await;
        let counter = Counter::default();
        let _worker = Worker::start(&node, &counter);
        put(&node, [job(1, act)]).await;

        let failed = comes_to(&board, JobState::Retrying).await;
        assert!(failed.last_error.as_ref().unwrap().contains(cause), "{failed:?}");

        put(&node, [job(2, Act::Succeed)]).await;
        eventually("the next one runs", async || counter.of(2) == 1).await;
    }
}

#[tokio::test]
async fn a_dead_letter_is_retried_or_discarded_and_a_running_job_is_neither() {
    let (_database, node, board) = setting().await;
    let counter = Counter::default();
    let worker = Worker::start(&node, &counter);
    put(&node, [job(1, Act::FailForGood)]).await;
    let dead = comes_to(&board, JobState::Dead).await;
    assert_eq!(board.retry(JobId(dead.id.0 + 1_000)).await.unwrap(), Acted::Absent);

    let again = done(board.retry(dead.id).await.unwrap());
    assert_eq!((again.id, again.attempts), (dead.id, 0));
    eventually("it ran again", async || counter.of(1) == 2).await;
    comes_to(&board, JobState::Dead).await;

    assert_eq!(done(board.discard(dead.id).await.unwrap()).id, dead.id);
    assert_eq!(board.discard(dead.id).await.unwrap(), Acted::Absent, "it is gone");
    assert_eq!(queued(&node).await, 0);
    worker.stop().await;

    let held = "UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'somebody'";
    put(&node, [job(3, Act::Succeed)]).await;
    node.client().await.batch_execute(held).await.unwrap();
    let running = comes_to(&board, JobState::Running).await;
    assert_eq!(board.retry(running.id).await.unwrap(), Acted::Running);
    assert_eq!(board.discard(running.id).await.unwrap(), Acted::Running);
    assert_eq!(queued(&node).await, 1);
}

#[tokio::test]
async fn depth_and_age_are_told_by_kind_and_state() {
    let (_database, node, board) = setting().await;
    assert_eq!(board.stats().await.unwrap(), []);
    put(&node, (0..3).map(|n| job(n, Act::Succeed))).await;
    let aged = "UPDATE graphile_worker._private_jobs SET run_at = now() - interval '90 seconds' \
                WHERE id = (SELECT min(id) FROM graphile_worker._private_jobs)";
    node.client().await.batch_execute(aged).await.unwrap();

    let [count] = board.stats().await.unwrap().try_into().unwrap();

    assert_eq!((count.name.as_str(), count.state, count.jobs), (Count::NAME, JobState::Waiting, 3));
    assert!((90_000..120_000).contains(&count.oldest_ms), "{count:?}");
}

#[tokio::test]
async fn the_job_of_a_worker_that_died_goes_to_another_within_its_lease() {
    let (_database, node, board) = setting().await;
    put(&node, [job(1, Act::Succeed)]).await;
    // As a process that was killed leaves it: held, and silent since.
    let died = "INSERT INTO graphile_worker._private_workers (id, last_heartbeat_at) VALUES ('dead', now()); \
                UPDATE graphile_worker._private_jobs SET attempts = 1, locked_by = 'dead', locked_at = now()";
    node.client().await.batch_execute(died).await.unwrap();
    assert_eq!(comes_to(&board, JobState::Running).await.attempts, 1);
    let (counter, begun) = (Counter::default(), Instant::now());

    let _worker = Worker::start(&node, &counter);

    is_empty(&node).await;
    assert_eq!(counter.of(1), 1);
    assert!(begun.elapsed() >= QUICK.lease / 2, "not before the lease has ended");
}

#[tokio::test]
async fn a_worker_that_lives_keeps_a_job_longer_than_a_lease() {
    let (database, node, _) = setting().await;
    let pace = JobPace { lease: Duration::from_secs(1), ..QUICK };
    let (slow, quick) = (Counter::default(), Counter::default());
    let _first = Worker::start_with(&node, &slow, Bell::new(), pace);
    put(&node, [job(1, Act::Stall)]).await;
    eventually("it runs", async || slow.of(1) == 1).await;

    let other = node.beside(&database, 2);
    let _second = Worker::start_with(&other, &quick, Bell::new(), pace);
    tokio::time::sleep(Duration::from_millis(1_800)).await;

    assert_eq!(quick.of(1), 0, "its worker says that it lives");
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_gives_back_what_it_cannot_finish() {
    let (_database, node, board) = setting().await;
    let counter = Counter::default();
    let worker = Worker::start_with(&node, &counter, Bell::new(), JobPace { grace: QUICK.poll, ..QUICK });
    put(&node, [job(1, Act::Stall)]).await;
    eventually("it runs", async || counter.of(1) == 1).await;

    worker.stop().await;

    let given_back = comes_to(&board, JobState::Waiting).await;
    assert_eq!(given_back.attempts, 0, "to be stopped is no failure of the job");
}

#[tokio::test]
async fn a_bell_wakes_a_worker_long_before_it_would_have_looked() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let (counter, bell) = (Counter::default(), Bell::new());
    let pace = JobPace { poll: Duration::from_mins(10), ..QUICK };
    let _worker = Worker::start_with(&node, &counter, bell.clone(), pace);
    // Its first look, and the end of it.
    put(&node, [job(1, Act::Succeed)]).await;
    eventually("it works", async || {
        bell.ring();
        counter.of(1) == 1
    })
    .await;
    is_empty(&node).await;

    put(&node, [job(2, Act::Succeed)]).await;
    bell.ring();

    eventually("it was woken", async || counter.of(2) == 1).await;
}

#[tokio::test]
async fn a_worker_that_found_a_job_looks_for_the_next_at_once() {
    let (_database, node, _) = setting().await;
    let counter = Counter::default();
    put(&node, (0..200).map(|n| job(n, Act::Succeed))).await;

    // A look every five seconds, eight jobs each, would take longer than the test waits.
    let pace = JobPace { poll: Duration::from_secs(5), ..QUICK };
    let _worker = Worker::start_with(&node, &counter, Bell::new(), pace);

    is_empty(&node).await;
    assert_eq!(counter.runs().len(), 200);
}

#[tokio::test]
async fn a_worker_whose_sessions_end_again_and_again_goes_on_when_it_is_left_alone() {
    let (database, node, _) = setting().await;
    let owner = database.owner().await;
    let counter = Counter::default();
    let _worker = Worker::start(&node, &counter);
    put(&node, [job(1, Act::Succeed)]).await;
    is_empty(&node).await;

    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..20 {
        owner.query(others, &[]).await.unwrap();
        tokio::time::sleep(QUICK.poll).await;
    }

    eventually("a job can be put", async || {
        put_raw(&node, vec![NewJob::of(&job(2, Act::Succeed), "2").unwrap()]).await.is_ok()
    })
    .await;
    eventually("the worker works again", async || counter.of(2) == 1).await;
}
