//! The one runner: exactly once, whoever dies and however many run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use adapter_postgres::consumers::{self, Pace, Poison, Status};
use application::ports::{EventLog, Signal, Signals};
use domain::{StreamId, todo::Todo};
use testkit::{
    TestDatabase, eventually,
    given::{bare, somebody, todo_completed, todo_created, todo_stream, unit},
};
use tokio::sync::Semaphore;

use crate::{
    rig::{Node, QUICK},
    tally::{Fault, Gate, Tally},
};

async fn setting() -> (TestDatabase, Node) {
    let database = TestDatabase::new().await;
    Tally::table(&database).await;
    let node = Node::on(&database);
    (database, node)
}

/// New streams of `length` events each.
pub(crate) async fn write(node: &Node, streams: usize, length: usize) -> Vec<StreamId> {
    let alice = somebody(&node.entropy);
    let mut written = Vec::new();
    for _ in 0..streams {
        let stream = todo_stream(alice, &node.entropy).0;
        let mut events = vec![todo_created(alice, "milk")];
        events.resize_with(length, || todo_completed(1));
        node.append([bare::<Todo>(&stream, 0, &events)]).await;
        written.push(stream);
    }
    written
}

#[tokio::test]
async fn what_died_before_its_checkpoint_is_written_once() {
    let (_database, node) = setting().await;
    write(&node, 10, 3).await;
    let times = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&times);
    let dies_thrice = Tally::with(Poison::Halt, move |event| {
        let dies = event.sequence == 3 && counted.fetch_add(1, Ordering::SeqCst) < 3;
        if dies { Fault::Severed } else { Fault::None }
    });

    let _running = node.run(dies_thrice);

    node.caught_up(Tally::NAME, Tally::READS).await;
    assert_eq!(Tally::exactly_once(&node).await, 30);
    assert!(times.load(Ordering::SeqCst) > 3, "the session was ended on the way");
}

#[tokio::test]
async fn a_process_that_dies_between_write_and_checkpoint_leaves_nothing_behind() {
    static GATE: Gate = Gate { arrived: Semaphore::const_new(0), open: Semaphore::const_new(0) };
    let (database, node) = setting().await;
    write(&node, 10, 3).await;
    let dying = node.beside(&database, 2);
    let stopped_in_the_middle = Tally::gated(&GATE);
    let running = dying.run(stopped_in_the_middle);
    GATE.arrived.acquire().await.unwrap().forget();

    running.kill().await;
    drop(dying);
    assert_eq!(Tally::exactly_once(&node).await, 0);
    let _heir = node.run(Tally::new());

    node.caught_up(Tally::NAME, Tally::READS).await;
    assert_eq!(Tally::exactly_once(&node).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runners_that_keep_losing_their_lease_write_each_event_once() {
    const EVENTS: usize = 1_000;
    let (database, node) = setting().await;
    let nodes = [node.beside(&database, 2), node.beside(&database, 3)];
    let pace = Pace { poll: Duration::from_millis(5), retry: Duration::from_millis(2), batch: 20 };
    let running = nodes.each_ref().map(|node| node.run_at(Tally::with(Poison::Halt, |_| Fault::Slow), pace));
    let stop = Arc::new(AtomicBool::new(false));
    let every = Duration::from_millis(25);
    let thief = tokio::spawn(end_leases(database.owner().await, Arc::clone(&stop), every));

    write(&node, EVENTS / 20, 20).await;
    node.caught_up(Tally::NAME, Tally::READS).await;

    stop.store(true, Ordering::SeqCst);
    let ended = thief.await.unwrap();
    assert!(ended >= 10, "leases were taken away {ended} times only");
    assert_eq!(Tally::exactly_once(&node).await, i64::try_from(EVENTS).unwrap());
    assert!(Tally::writers(&node).await >= 2, "both runners took part");
    drop(running);
}

/// Ends the sessions that hold leases, again and again; how many.
pub(crate) async fn end_leases(owner: tokio_postgres::Client, stop: Arc<AtomicBool>, every: Duration) -> i64 {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let mut ended = 0;
    while !stop.load(Ordering::SeqCst) {
        ended += owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
        tokio::time::sleep(every).await;
    }
    ended
}

#[tokio::test]
async fn a_consumer_that_rests_writes_the_first_event_at_once_and_gathers_the_others() {
    const LATER: usize = 20;
    let (_database, node) = setting().await;
    let resting = node.run(Tally::resting(Duration::from_hours(1)));
    write(&node, 1, 1).await;
    node.caught_up(Tally::NAME, Tally::READS).await;
    for _ in 0..LATER {
        write(&node, 1, 1).await;
    }
    assert_eq!(Tally::exactly_once(&node).await, 1, "it rests");
    // A rest does not keep a process from ending.
    resting.stop().await;

    let _wakes_soon = node.run(Tally::resting(Duration::from_secs(2)));
    node.caught_up(Tally::NAME, Tally::READS).await;
    assert_eq!(Tally::exactly_once(&node).await, 1 + i64::try_from(LATER).unwrap());
    assert_eq!(Tally::batches(&node).await, 2, "what came meanwhile is one batch");
}

#[tokio::test]
async fn a_checkpoint_that_another_moved_is_a_fence() {
    static GATE: Gate = Gate { arrived: Semaphore::const_new(0), open: Semaphore::const_new(0) };
    let (database, node) = setting().await;
    write(&node, 1, 1).await;
    let sleeper = node.beside(&database, 2);
    // It holds its lease, reads, and sleeps before it writes its checkpoint.
    node.client()
        .await
        .execute("INSERT INTO projection_checkpoints (name) VALUES ($1)", &[&Tally::NAME])
        .await
        .unwrap();
    let gated = sleeper.run(Tally::gated(&GATE));
    GATE.arrived.acquire().await.unwrap().forget();
    let owner = database.owner().await;
    // Nobody can move the checkpoint before the sleeper ends: it holds the row. Its session ends.
    let held = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE datname = current_database() AND state = 'idle in transaction'";
    assert_eq!(owner.query_one(held, &[]).await.unwrap().get::<_, i64>(0), 1);
    let moved = "UPDATE projection_checkpoints SET tx_id = pg_snapshot_xmin(pg_current_snapshot()), position = 0 \
         WHERE name = 'tally.v1'";
    eventually("the row is free", async || owner.execute(moved, &[]).await.unwrap() == 1).await;
    GATE.open.add_permits(100);

    let later = write(&node, 1, 2).await;

    eventually("it goes on from the new place", async || Tally::of(&node, &later[0]).await == [1, 2]).await;
    assert_eq!(Tally::exactly_once(&node).await, 2, "what was skipped by hand stays skipped");
    drop(gated);
}

#[tokio::test]
async fn one_of_two_runners_leads_and_the_other_takes_over() {
    let (database, node) = setting().await;
    let other = node.beside(&database, 2);
    let first = node.run(Tally::new());
    write(&node, 1, 1).await;
    node.caught_up(Tally::NAME, Tally::READS).await;
    let second = other.run(Tally::new());

    first.stop().await;
    let stream = write(&node, 1, 2).await.remove(0);

    eventually("the other took over", async || Tally::of(&node, &stream).await == [1, 2]).await;
    assert_eq!(Tally::exactly_once(&node).await, 3);
    second.stop().await;
}

#[tokio::test]
async fn a_paused_consumer_writes_nothing_until_it_is_resumed() {
    let (_database, node) = setting().await;
    let _running = node.run(Tally::new());
    let before = write(&node, 1, 1).await.remove(0);
    node.caught_up(Tally::NAME, Tally::READS).await;
    let client = node.client().await;
    assert!(consumers::pause(&client, Tally::NAME).await.unwrap());
    assert!(!consumers::pause(&client, "nobody.v1").await.unwrap());

    let stream = write(&node, 1, 2).await.remove(0);
    tokio::time::sleep(QUICK.poll * 5).await;
    assert_eq!(Tally::of(&node, &stream).await, [0; 0]);
    let listed = consumers::list(&client).await.unwrap();
    let listed = listed.into_iter().find(|it| it.name == Tally::NAME).unwrap();
    assert_eq!((listed.name.as_str(), listed.status), (Tally::NAME, Status::Paused));

    assert!(consumers::resume(&client, Tally::NAME).await.unwrap());
    eventually("it goes on", async || Tally::of(&node, &stream).await == [1, 2]).await;
    assert_eq!(Tally::of(&node, &before).await, [1]);
    assert_eq!(Tally::exactly_once(&node).await, 3);
}

#[tokio::test]
async fn a_batch_is_signalled_after_its_commit() {
    let (_database, node) = setting().await;
    let mut hints = node.signals.subscribe();
    let _running = node.run(Tally::new());

    let appended = node
        .log
        .append(unit([{
            let alice = somebody(&node.entropy);
            bare::<Todo>(&todo_stream(alice, &node.entropy).0, 0, &[todo_created(alice, "milk")])
        }]))
        .await
        .unwrap();

    let reached = tokio::time::timeout(testkit::PATIENCE, async {
        loop {
            if let Signal::Projected { model, reached, .. } = hints.recv().await.unwrap() {
                return (model, reached);
            }
        }
    });
    assert_eq!(reached.await.unwrap(), (Tally::NAME.to_owned(), appended.cursor));
    assert_eq!(Tally::exactly_once(&node).await, 1);
}

/// Polling would take longer than any test waits.
const NEVER_POLLS: Pace = Pace { poll: Duration::from_mins(10), ..QUICK };

async fn setting_alone() -> (TestDatabase, Node) {
    let database = TestDatabase::alone().await;
    Tally::table(&database).await;
    let node = Node::on(&database);
    (database, node)
}

#[tokio::test]
async fn another_process_is_woken_by_the_hint_of_an_append() {
    let (database, node) = setting_alone().await;
    let reader = node.beside(&database, 2);
    tokio::spawn(Arc::clone(&reader.wake).run());
    let first = write(&node, 1, 1).await.remove(0);
    let _running = reader.run_at(Tally::new(), NEVER_POLLS);
    eventually("it is there", async || Tally::of(&node, &first).await == [1]).await;

    let second = write(&node, 1, 1).await.remove(0);

    eventually("it was woken", async || Tally::of(&node, &second).await == [1]).await;
}

#[tokio::test]
async fn a_hint_that_comes_while_another_transaction_is_open_is_not_forgotten() {
    let (database, node) = setting_alone().await;
    let _running = node.run_at(Tally::new(), NEVER_POLLS);
    let first = write(&node, 1, 1).await.remove(0);
    eventually("it is there", async || Tally::of(&node, &first).await == [1]).await;
    let other = database.owner().await;
    other.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();

    let second = write(&node, 1, 1).await.remove(0);
    tokio::time::sleep(QUICK.poll).await;
    assert_eq!(Tally::of(&node, &second).await, [0; 0], "it is behind an open transaction");
    other.batch_execute("ROLLBACK").await.unwrap();

    eventually("it looked again", async || Tally::of(&node, &second).await == [1]).await;
}
