//! Reading one's own write, on any node, and what happens when a transaction elsewhere holds it back.

use std::time::Instant;

use adapter_postgres::TodoListProjection;
use application::ports::{Cursor, Progress, READ_WAIT, ReadModel, Visibility};
use domain::todo::Todo;
use testkit::{TestDatabase, given};

use crate::rig::Node;

const MODEL: ReadModel = ReadModel::TodoList;

async fn one_todo(node: &Node) -> Cursor {
    let of = given::somebody(&node.entropy);
    let (stream, _) = given::todo_stream(of, &node.entropy);
    let event = given::todo_created(of, "milk");
    node.append([given::append::<Todo>(&stream, &[], &[event])]).await.cursor
}

/// It is shown at the first question: no other test on this server holds a transaction open.
async fn shown(node: &Node, model: ReadModel, cursor: Cursor) {
    assert_eq!(node.progress().reach(model, cursor).await, Visibility::Shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_runner_the_answer_is_late_and_bounded() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let cursor = one_todo(&node).await;
    let asked = Instant::now();
    assert_eq!(node.progress().reach(MODEL, cursor).await, Visibility::Late);
    assert!((READ_WAIT..READ_WAIT * 2).contains(&asked.elapsed()), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_shown_here_and_on_a_node_that_is_told_nothing() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let _running = node.run(TodoListProjection::default());
    let other = Node::on(&database);
    for _ in 0..20 {
        let cursor = one_todo(&node).await;
        shown(&node, MODEL, cursor).await;
        shown(&other, MODEL, cursor).await;
        // A model that reads other events shows the position too: nothing of its own lies before it.
        shown(&other, ReadModel::TagList, cursor).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stuck_transaction_does_not_turn_every_answer_into_a_wait() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let _running = node.run(TodoListProjection::default());
    let mut stuck = node.client().await;
    let stuck = stuck.transaction().await.unwrap();
    stuck.query_one("SELECT pg_current_xact_id()::text", &[]).await.unwrap();

    let progress = node.progress();
    let first = one_todo(&node).await;
    assert_eq!(progress.reach(MODEL, first).await, Visibility::Held);
    let asked = Instant::now();
    for _ in 0..5 {
        let cursor = one_todo(&node).await;
        assert_eq!(progress.reach(MODEL, cursor).await, Visibility::Held);
    }
    assert!(asked.elapsed() < READ_WAIT, "five answers waited {:?}", asked.elapsed());

    stuck.rollback().await.unwrap();
    shown(&node, MODEL, first).await;
}
