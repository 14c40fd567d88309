//! Dead letters: tried again in the order of their stream, or passed over for good.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use adapter_postgres::consumers::{PgProjectionDesk, Poison};
use application::{
    Window,
    projection::{
        DeadLetter, DeadLetterId, ProjectionAct, ProjectionDesk, ProjectionRefusal, ProjectionState, Settle,
    },
};
use domain::{StreamId, todo::Todo};
use testkit::{
    TestDatabase, eventually,
    given::{bare, somebody, todo_completed, todo_created, todo_stream},
};

use crate::{
    rig::{Node, Running},
    tally::{Fault, Tally},
};

/// Two streams of three events each, interleaved; the second event of the bad one is poison until it
/// is healed.
struct Scene {
    node: Node,
    desk: PgProjectionDesk,
    bad: StreamId,
    good: StreamId,
    healed: Arc<AtomicBool>,
    _running: Running,
    _database: TestDatabase,
}

impl Scene {
    async fn new(rule: Poison) -> Self {
        let database = TestDatabase::new().await;
        Tally::table(&database).await;
        let node = Node::on(&database);
        let alice = somebody(&node.entropy);
        let (bad, good) = (todo_stream(alice, &node.entropy).0, todo_stream(alice, &node.entropy).0);
        for sequence in 0..3 {
            for stream in [&bad, &good] {
                let event = if sequence == 0 { todo_created(alice, "milk") } else { todo_completed(1) };
                node.append([bare::<Todo>(stream, sequence, &[event])]).await;
            }
        }
        let healed = Arc::new(AtomicBool::new(false));
        let desk = PgProjectionDesk::new(
            node.pools.pool.clone(),
            vec![Arc::new(Tally::with(rule, |_| Fault::None))],
        );
        let (ill, cured) = (bad.clone(), Arc::clone(&healed));
        let running = node.run(Tally::with(rule, move |event| {
            let poison = event.stream == ill && event.sequence == 2 && !cured.load(Ordering::SeqCst);
            if poison { Fault::Poison } else { Fault::None }
        }));
        let scene = Self { node, desk, bad, good, healed, _running: running, _database: database };
        let expected = if rule == Poison::Park { 2 } else { 1 };
        eventually("it has dead letters", async || scene.letters().await.len() == expected).await;
        scene
    }

    async fn letters(&self) -> Vec<DeadLetter> {
        let page = self.desk.letters(Some(Tally::NAME), &Window::First(10, None)).await.unwrap();
        page.edges.into_iter().map(|edge| edge.node).collect()
    }

    async fn settle(&self, letter: &DeadLetter, how: Settle) -> Result<DeadLetter, ProjectionRefusal> {
        self.desk.settle(&letter.id, how).await.unwrap()
    }

    async fn written(&self) -> (Vec<i64>, Vec<i64>) {
        (Tally::of(&self.node, &self.bad).await, Tally::of(&self.node, &self.good).await)
    }

    async fn come_to(&self, bad: &[i64], good: &[i64]) {
        eventually(&format!("{bad:?} and {good:?} are written"), async || {
            self.written().await == (bad.to_vec(), good.to_vec())
        })
        .await;
    }

    async fn state(&self) -> ProjectionState {
        self.desk.list().await.unwrap()[0].state
    }
}

#[tokio::test]
async fn a_letter_that_is_gone_or_never_was_is_not_found() {
    let scene = Scene::new(Poison::Park).await;
    let mut letter = scene.letters().await.remove(0);
    letter.id = DeadLetterId { at: application::ports::Cursor { tx: 1, position: 1 }, ..letter.id };
    for how in [Settle::Retry, Settle::Discard] {
        assert_eq!(scene.settle(&letter, how).await, Err(ProjectionRefusal::LetterGone));
    }
}

#[tokio::test]
async fn a_retry_before_the_fix_leaves_the_letters_in_their_order() {
    let scene = Scene::new(Poison::Park).await;
    let before = scene.letters().await;
    assert!(scene.settle(&before[0], Settle::Retry).await.unwrap().retrying);
    eventually("it was tried", async || {
        let now = scene.letters().await;
        now[0].attempts > before[0].attempts && now.iter().all(|letter| !letter.retrying)
    })
    .await;
    assert_eq!(scene.letters().await.len(), 2);
    scene.come_to(&[1], &[1, 2, 3]).await;
}

#[tokio::test]
async fn after_the_fix_a_stream_goes_on_in_its_order_and_what_comes_later_too() {
    let scene = Scene::new(Poison::Park).await;
    scene.healed.store(true, Ordering::SeqCst);
    let letters = scene.letters().await;
    // Whichever letter is tried: its stream goes on from its first one.
    scene.settle(&letters[1], Settle::Retry).await.unwrap();
    scene.come_to(&[1, 2, 3], &[1, 2, 3]).await;
    eventually("no letter is left", async || scene.letters().await.is_empty()).await;
    for stream in [&scene.bad, &scene.good] {
        scene.node.append([bare::<Todo>(stream, 3, &[todo_completed(2)])]).await;
    }
    scene.come_to(&[1, 2, 3, 4], &[1, 2, 3, 4]).await;
    assert_eq!(Tally::exactly_once(&scene.node).await, 8);
    assert_eq!(scene.settle(&letters[0], Settle::Retry).await, Err(ProjectionRefusal::LetterGone));
}

#[tokio::test]
async fn a_letter_that_is_discarded_is_passed_over_and_the_rest_can_go_on() {
    let scene = Scene::new(Poison::Park).await;
    let letters = scene.letters().await;
    scene.settle(&letters[0], Settle::Discard).await.unwrap();
    assert_eq!(scene.letters().await.len(), 1);
    assert_eq!(scene.settle(&letters[0], Settle::Discard).await, Err(ProjectionRefusal::LetterGone));
    scene.settle(&letters[1], Settle::Retry).await.unwrap();
    scene.come_to(&[1, 3], &[1, 2, 3]).await;
    scene.node.append([bare::<Todo>(&scene.bad, 3, &[todo_completed(2)])]).await;
    scene.come_to(&[1, 3, 4], &[1, 2, 3]).await;
}

#[tokio::test]
async fn a_stream_whose_letters_are_all_discarded_goes_on() {
    let scene = Scene::new(Poison::Park).await;
    for letter in scene.letters().await {
        scene.settle(&letter, Settle::Discard).await.unwrap();
    }
    // The consumer has to have seen it: what comes before that waits for an operator, too.
    tokio::time::sleep(crate::rig::QUICK.poll * 10).await;
    scene.node.append([bare::<Todo>(&scene.bad, 3, &[todo_completed(2)])]).await;
    scene.come_to(&[1, 4], &[1, 2, 3]).await;
    assert_eq!(scene.desk.count_letters(None).await.unwrap(), 0);
}

#[tokio::test]
async fn a_halted_consumer_goes_on_when_its_letter_is_tried_after_the_fix() {
    let scene = Scene::new(Poison::Halt).await;
    let letter = scene.letters().await.remove(0);
    assert_eq!(scene.state().await, ProjectionState::Halted);
    scene.settle(&letter, Settle::Retry).await.unwrap();
    eventually("it halts again", async || {
        scene.letters().await.iter().any(|it| it.attempts > letter.attempts)
    })
    .await;

    scene.healed.store(true, Ordering::SeqCst);
    scene.settle(&letter, Settle::Retry).await.unwrap();

    scene.come_to(&[1, 2, 3], &[1, 2, 3]).await;
    eventually("the letter is settled", async || scene.letters().await.is_empty()).await;
    assert_eq!(scene.state().await, ProjectionState::Running);
    assert_eq!(Tally::exactly_once(&scene.node).await, 6);
}

#[tokio::test]
async fn a_halted_consumer_passes_over_a_letter_that_is_discarded_and_over_no_other_event() {
    let scene = Scene::new(Poison::Halt).await;
    let letter = scene.letters().await.remove(0);

    scene.settle(&letter, Settle::Discard).await.unwrap();

    scene.come_to(&[1, 3], &[1, 2, 3]).await;
    assert_eq!((scene.letters().await.len(), scene.state().await), (0, ProjectionState::Running));
}

#[tokio::test]
async fn an_event_that_the_consumer_does_not_stand_at_is_not_discarded() {
    let scene = Scene::new(Poison::Halt).await;
    let client = scene.node.client().await;
    // As if a letter of a later event were there.
    let sql = "INSERT INTO projection_dead_letters (name, tx_id, position, aggregate_type, aggregate_id, error, attempts) \
               SELECT $1, tx_id, position, aggregate_type, aggregate_id, 'odd', 1 FROM events ORDER BY position DESC LIMIT 1";
    client.execute(sql, &[&Tally::NAME]).await.unwrap();
    let later = scene.letters().await.remove(1);
    assert_eq!(scene.settle(&later, Settle::Discard).await, Err(ProjectionRefusal::NotNext));
    assert_eq!(scene.letters().await.len(), 2, "and nothing was changed");
    assert_eq!(scene.written().await, (vec![1], vec![1]));
}

#[tokio::test]
async fn a_paused_consumer_stays_paused_when_a_letter_is_discarded() {
    let scene = Scene::new(Poison::Halt).await;
    let letter = scene.letters().await.remove(0);
    scene.desk.act(Tally::NAME, ProjectionAct::Pause).await.unwrap().unwrap();
    scene.settle(&letter, Settle::Discard).await.unwrap();
    tokio::time::sleep(crate::rig::QUICK.poll * 5).await;
    assert_eq!((scene.state().await, scene.written().await), (ProjectionState::Paused, (vec![1], vec![1])));
    scene.desk.act(Tally::NAME, ProjectionAct::Resume).await.unwrap().unwrap();
    scene.come_to(&[1, 3], &[1, 2, 3]).await;
}

#[tokio::test]
async fn letters_come_in_pages_in_the_order_of_the_log() {
    let scene = Scene::new(Poison::Park).await;
    let all = scene.letters().await;
    let first = scene.desk.letters(None, &Window::First(1, None)).await.unwrap();
    assert_eq!((first.edges[0].node.clone(), first.has_next), (all[0].clone(), true));
    let second = scene.desk.letters(None, &Window::First(1, Some(all[0].id.clone()))).await.unwrap();
    assert_eq!((second.edges[0].node.clone(), second.has_next), (all[1].clone(), false));
    let back = scene.desk.letters(None, &Window::Last(1, Some(all[1].id.clone()))).await.unwrap();
    assert_eq!((back.edges[0].node.clone(), back.has_previous), (all[0].clone(), false));
    assert_eq!(scene.desk.count_letters(Some("other.v1")).await.unwrap(), 0);
}
