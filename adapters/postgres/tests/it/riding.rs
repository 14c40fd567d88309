//! A consumer that rides with the one it follows: in its transactions, and under all of its own rules.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use adapter_postgres::consumers::{self, Pace, Poison, Status};
use domain::{StreamId, todo::Todo};
use testkit::{
    TestDatabase, eventually,
    given::{bare, todo_completed},
};
use tokio::sync::Semaphore;

use crate::{
    rig::{Node, QUICK, Running},
    runner::{end_leases, write},
    tally::{ECHO, Fault, Gate, Tally},
};

/// Polling would take longer than any test waits: nothing is found but by being told.
const TOLD: Pace = Pace { poll: Duration::from_mins(10), ..QUICK };

struct Scene {
    database: TestDatabase,
    node: Node,
}

impl Scene {
    /// The tables are there, and one event that both have written.
    async fn new() -> Self {
        let database = TestDatabase::alone().await;
        Tally::table(&database).await;
        let node = Node::on(&database);
        Self { database, node }
    }

    /// Both consumers in one process, the follower aboard.
    async fn both(&self, leader: Tally, follower: Tally) -> (Running, Running) {
        let leases = self.node.leases();
        let running =
            (self.node.run_under(&leases, leader, TOLD), self.node.run_under(&leases, follower, TOLD));
        write(&self.node, 1, 1).await;
        eventually("both lead", async || self.echoed().await == 1).await;
        running
    }

    async fn echoed(&self) -> i64 {
        Tally::exactly_once_in(&self.node, &ECHO).await
    }

    /// How many events both have written in one transaction.
    async fn together(&self) -> i64 {
        let sql = "SELECT count(*) FROM tally t JOIN echo e USING (stream, sequence) WHERE t.xmin = e.xmin";
        self.node.client().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    async fn status(&self, name: &str) -> Status {
        let client = self.node.client().await;
        let listed = consumers::list(&client).await.unwrap();
        listed.into_iter().find(|it| it.name == name).unwrap().status
    }
}

#[tokio::test]
async fn a_follower_that_has_caught_up_is_written_in_the_same_transactions() {
    let scene = Scene::new().await;
    let _running = scene.both(Tally::new(), Tally::echo(|_| Fault::None)).await;
    let before = scene.together().await;

    for n in 2..=21 {
        // Long enough to sit down again, where it did not ride.
        tokio::time::sleep(Duration::from_millis(20)).await;
        write(&scene.node, 1, 1).await;
        eventually("both are there", async || scene.echoed().await == n).await;
    }

    assert_eq!(Tally::exactly_once(&scene.node).await, 21);
    let together = scene.together().await - before;
    assert!(together >= 15, "{together} of 20 were written in one transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_follower_gets_aboard() {
    let scene = Scene::new().await;
    let _running = scene.both(Tally::new(), Tally::echo(|_| Fault::None)).await;
    let before = scene.together().await;
    let stop = AtomicBool::new(false);

    let load = async {
        while !stop.load(Ordering::SeqCst) {
            write(&scene.node, 20, 1).await;
        }
    };
    let aboard = async {
        eventually("it rides", async || scene.together().await > before + 100).await;
        stop.store(true, Ordering::SeqCst);
    };
    tokio::join!(load, aboard);

    let all = Tally::exactly_once(&scene.node).await;
    eventually("both are there", async || scene.echoed().await >= all).await;
}

async fn a_failing_rider_halts_alone(fault: Fault) {
    let scene = Scene::new().await;
    let ill = Arc::new(AtomicBool::new(true));
    let sick = Arc::clone(&ill);
    let follower =
        Tally::echo(
            move |event| {
                if event.sequence == 3 && sick.load(Ordering::SeqCst) { fault } else { Fault::None }
            },
        );
    let _running = scene.both(Tally::new(), follower).await;

    let bad: StreamId = write(&scene.node, 1, 4).await.remove(0);
    let good = write(&scene.node, 1, 2).await.remove(0);

    eventually("it halted", async || scene.status(ECHO.name).await == Status::Halted).await;
    eventually("the other goes on", async || Tally::of(&scene.node, &good).await == [1, 2]).await;
    assert_eq!(Tally::of(&scene.node, &bad).await, [1, 2, 3, 4]);
    assert_eq!(scene.status(Tally::NAME).await, Status::Running);
    assert_eq!(scene.echoed().await, 3, "what came before the bad event");

    ill.store(false, Ordering::SeqCst);
    let client = scene.node.client().await;
    assert!(consumers::resume(&client, ECHO.name).await.unwrap());
    eventually("it caught up", async || scene.echoed().await == 7).await;
    assert_eq!(Tally::exactly_once(&scene.node).await, 7);
}

#[tokio::test]
async fn a_rider_that_meets_poison_halts_alone_and_the_other_goes_on() {
    a_failing_rider_halts_alone(Fault::Poison).await;
}

#[tokio::test]
async fn a_rider_that_panics_halts_alone_and_the_other_goes_on() {
    a_failing_rider_halts_alone(Fault::Panic).await;
}

#[tokio::test]
async fn a_follower_that_put_a_stream_aside_writes_nothing_more_of_it() {
    let scene = Scene::new().await;
    let park =
        Tally::with(Poison::Park, |event| if event.sequence == 4 { Fault::Poison } else { Fault::None });
    let _running = scene.both(Tally::new(), park.behind_the_other()).await;
    let bad = write(&scene.node, 1, 4).await.remove(0);
    eventually("what is before it is there", async || scene.echoed().await == 4).await;

    for sequence in 4..8 {
        scene.node.append([bare::<Todo>(&bad, sequence, &[todo_completed(1)])]).await;
        write(&scene.node, 1, 1).await;
    }

    eventually("the others go on", async || scene.echoed().await == 8).await;
    assert_eq!(Tally::of(&scene.node, &bad).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(scene.status(ECHO.name).await, Status::Running);
}

#[tokio::test]
async fn a_leader_that_meets_poison_takes_its_rider_as_far_as_it_comes_itself() {
    let scene = Scene::new().await;
    let leader =
        Tally::with(Poison::Halt, |event| if event.sequence == 3 { Fault::Poison } else { Fault::None });
    let _running = scene.both(leader, Tally::echo(|_| Fault::None)).await;

    write(&scene.node, 1, 3).await;

    eventually("it halted", async || scene.status(Tally::NAME).await == Status::Halted).await;
    eventually("the other is there too", async || scene.echoed().await == 3).await;
    assert_eq!(Tally::exactly_once(&scene.node).await, 3);
    assert_eq!(scene.status(ECHO.name).await, Status::Running);
}

#[tokio::test]
async fn a_paused_rider_is_left_behind_until_it_is_resumed() {
    let scene = Scene::new().await;
    let _running = scene.both(Tally::new(), Tally::echo(|_| Fault::None)).await;
    let client = scene.node.client().await;
    assert!(consumers::pause(&client, ECHO.name).await.unwrap());

    let stream = write(&scene.node, 1, 3).await.remove(0);
    eventually("the other goes on", async || Tally::of(&scene.node, &stream).await == [1, 2, 3]).await;
    assert_eq!(scene.echoed().await, 1);

    assert!(consumers::resume(&client, ECHO.name).await.unwrap());
    eventually("it caught up", async || scene.echoed().await == 4).await;
    assert_eq!(Tally::exactly_once(&scene.node).await, 4);
}

#[tokio::test]
async fn a_process_that_dies_in_a_ride_leaves_nothing_of_either() {
    static GATE: Gate = Gate { arrived: Semaphore::const_new(0), open: Semaphore::const_new(1) };
    let scene = Scene::new().await;
    let (leader, follower) = scene.both(Tally::gated(&GATE), Tally::echo(|_| Fault::None)).await;
    GATE.arrived.acquire().await.unwrap().forget();
    write(&scene.node, 1, 3).await;
    GATE.arrived.acquire().await.unwrap().forget();

    leader.kill().await;
    follower.kill().await;

    assert_eq!((Tally::exactly_once(&scene.node).await, scene.echoed().await), (1, 1));
    let leases = scene.node.leases();
    let _heirs = (
        scene.node.run_under(&leases, Tally::new(), QUICK),
        scene.node.run_under(&leases, Tally::echo(|_| Fault::None), QUICK),
    );
    eventually("the heirs are there", async || scene.echoed().await == 4).await;
    assert_eq!(Tally::exactly_once(&scene.node).await, 4);
}

#[tokio::test]
async fn a_rider_may_leave_and_be_led_by_another_process() {
    let scene = Scene::new().await;
    let (_leader, follower) = scene.both(Tally::new(), Tally::echo(|_| Fault::None)).await;
    let other = scene.node.beside(&scene.database, 2);
    tokio::spawn(Arc::clone(&other.wake).run());
    write(&scene.node, 10, 1).await;

    follower.stop().await;
    let _elsewhere = other.run_at(Tally::echo(|_| Fault::None), TOLD);
    write(&scene.node, 10, 1).await;

    eventually("it goes on there", async || scene.echoed().await == 21).await;
    assert_eq!(Tally::exactly_once(&scene.node).await, 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_write_each_event_once_while_their_leases_move() {
    const EVENTS: usize = 1_000;
    let database = TestDatabase::alone().await;
    Tally::table(&database).await;
    let node = Node::on(&database);
    let nodes = [node.beside(&database, 2), node.beside(&database, 3)];
    let pace = Pace { poll: Duration::from_millis(5), retry: Duration::from_millis(2), batch: 20 };
    let mut running = Vec::new();
    for node in &nodes {
        let leases = node.leases();
        running.push(node.run_under(&leases, Tally::with(Poison::Halt, |_| Fault::Slow), pace));
        running.push(node.run_under(&leases, Tally::echo(|_| Fault::None), pace));
    }
    let stop = Arc::new(AtomicBool::new(false));
    // Seldom enough for a follower to catch up now and then.
    let every = Duration::from_millis(150);
    let thief = tokio::spawn(end_leases(database.owner().await, Arc::clone(&stop), every));

    for _ in 0..EVENTS / 10 {
        write(&node, 1, 10).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let all = i64::try_from(EVENTS).unwrap();
    eventually("both are there", async || Tally::exactly_once_in(&node, &ECHO).await == all).await;

    stop.store(true, Ordering::SeqCst);
    let ended = thief.await.unwrap();
    assert!(ended >= 5, "leases were taken away {ended} times only");
    // Whether any of it was written for both at once is chance: two processes lead one each, or one both.
    assert_eq!(Tally::exactly_once(&node).await, all);
}
