//! Events that cannot be written: halted or put aside, never skipped in silence.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use adapter_postgres::consumers::{self, Pace, Poison, Status};
use domain::{StreamId, todo::Todo};
use testkit::{
    TestDatabase, eventually,
    given::{bare, somebody, todo_completed, todo_created, todo_stream},
};

use crate::{
    rig::{Node, QUICK},
    tally::{Fault, Tally},
};

/// A dead letter: its stream, its place in it, and why.
type Letter = (String, i64, String);

struct Scene {
    _database: TestDatabase,
    node: Node,
    bad: StreamId,
    good: StreamId,
}

impl Scene {
    /// Two streams of three events each, interleaved; the second event of the bad one is poison.
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        Tally::table(&database).await;
        let node = Node::on(&database);
        let alice = somebody(&node.entropy);
        let (bad, good) = (todo_stream(alice, &node.entropy).0, todo_stream(alice, &node.entropy).0);
        let scene = Self { _database: database, node, bad, good };
        for sequence in 0..3 {
            for stream in [&scene.bad, &scene.good] {
                let event = if sequence == 0 { todo_created(alice, "milk") } else { todo_completed(1) };
                scene.node.append([bare::<Todo>(stream, sequence, &[event])]).await;
            }
        }
        scene
    }

    fn tally(&self, rule: Poison, fault: Fault, healed: &Arc<AtomicBool>) -> Tally {
        let (bad, healed) = (self.bad.clone(), Arc::clone(healed));
        Tally::with(rule, move |event| {
            let ill = event.stream == bad && event.sequence == 2 && !healed.load(Ordering::SeqCst);
            if ill { fault } else { Fault::None }
        })
    }

    async fn letters(&self) -> Vec<Letter> {
        let sql = "SELECT d.aggregate_id, e.sequence, d.error FROM projection_dead_letters d JOIN events e \
                   USING (tx_id, position) ORDER BY d.tx_id, d.position";
        let rows = self.node.client().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    async fn written(&self) -> (Vec<i64>, Vec<i64>) {
        (Tally::of(&self.node, &self.bad).await, Tally::of(&self.node, &self.good).await)
    }

    async fn halted(&self) -> consumers::Checkpoint {
        let client = self.node.client().await;
        eventually("it halted", async || {
            consumers::list(&client).await.unwrap().iter().any(|it| it.status == Status::Halted)
        })
        .await;
        let listed = consumers::list(&client).await.unwrap();
        listed.into_iter().find(|it| it.status == Status::Halted).unwrap()
    }
}

async fn halts_at_the_poison_and_goes_on_after_the_fix(fault: Fault, cause: &str, pace: Pace) {
    let scene = Scene::new().await;
    let healed = Arc::new(AtomicBool::new(false));
    let _running = scene.node.run_at(scene.tally(Poison::Halt, fault, &healed), pace);

    let halted = scene.halted().await;
    assert!(
        halted.last_error.as_deref().is_some_and(|error| error.contains(cause)),
        "{:?}",
        halted.last_error
    );
    assert_eq!(
        scene.written().await,
        (vec![1], vec![1]),
        "what came before it is written, what comes after is not"
    );
    let [(stream, sequence, error)] = scene.letters().await.try_into().unwrap();
    assert_eq!((stream.as_str(), sequence), (scene.bad.as_str(), 2));
    assert!(error.contains(cause), "{error}");

    healed.store(true, Ordering::SeqCst);
    let client = scene.node.client().await;
    consumers::resume(&client, Tally::NAME).await.unwrap();

    scene.node.caught_up(Tally::NAME, Tally::READS).await;
    assert_eq!(scene.written().await, (vec![1, 2, 3], vec![1, 2, 3]));
    assert_eq!(Tally::exactly_once(&scene.node).await, 6);
}

#[tokio::test]
async fn a_poison_event_halts_its_consumer_until_it_is_fixed() {
    halts_at_the_poison_and_goes_on_after_the_fix(Fault::Poison, "is poison", QUICK).await;
}

#[tokio::test]
async fn a_poison_event_first_in_its_batch_halts_too() {
    halts_at_the_poison_and_goes_on_after_the_fix(Fault::Poison, "is poison", Pace { batch: 1, ..QUICK })
        .await;
}

#[tokio::test]
async fn a_panic_is_blamed_on_the_event_that_caused_it() {
    halts_at_the_poison_and_goes_on_after_the_fix(Fault::Panic, "panicked", QUICK).await;
}

async fn puts_the_stream_aside_and_others_go_on(fault: Fault, cause: &str, pace: Pace) {
    let scene = Scene::new().await;
    let healed = Arc::new(AtomicBool::new(false));
    let running = scene.node.run_at(scene.tally(Poison::Park, fault, &healed), pace);

    scene.node.caught_up(Tally::NAME, Tally::READS).await;

    assert_eq!(scene.written().await, (vec![1], vec![1, 2, 3]));
    let letters = scene.letters().await;
    let aside: Vec<(&str, i64)> =
        letters.iter().map(|(stream, sequence, _)| (stream.as_str(), *sequence)).collect();
    assert_eq!(aside, [(scene.bad.as_str(), 2), (scene.bad.as_str(), 3)], "in order");
    assert!(letters[0].2.contains(cause) && letters[1].2.contains("behind a dead letter"), "{letters:?}");

    // A process that starts later knows it too.
    running.stop().await;
    let _later = scene.node.run_at(scene.tally(Poison::Park, fault, &healed), pace);
    for stream in [&scene.bad, &scene.good] {
        scene.node.append([bare::<Todo>(stream, 3, &[todo_completed(2)])]).await;
    }
    scene.node.caught_up(Tally::NAME, Tally::READS).await;
    assert_eq!(scene.written().await, (vec![1], vec![1, 2, 3, 4]));
    assert_eq!(scene.letters().await.len(), 3);
}

#[tokio::test]
async fn a_poison_event_is_put_aside_with_what_is_behind_it_in_its_batch() {
    puts_the_stream_aside_and_others_go_on(Fault::Poison, "is poison", QUICK).await;
}

#[tokio::test]
async fn a_poison_event_is_put_aside_with_what_is_behind_it_in_later_batches() {
    puts_the_stream_aside_and_others_go_on(Fault::Poison, "is poison", Pace { batch: 1, ..QUICK }).await;
}

#[tokio::test]
async fn a_panic_puts_the_stream_aside_of_the_event_that_caused_it() {
    puts_the_stream_aside_and_others_go_on(Fault::Panic, "panicked", QUICK).await;
}
