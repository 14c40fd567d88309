//! Reading one's own write, on any node, and what happens when a transaction elsewhere holds it back.

use std::{sync::Arc, time::Instant};

use adapter_postgres::{
    PeopleProjection, PeopleVersionsProjection, ReferralsProjection, TodoListProjection,
    consumers::{Checkpoint, list},
};
use application::{
    Caller, Platform, Terms,
    ports::{Cursor, Progress, READ_WAIT, ReadModel, Visibility},
    user::{AddPerson, Login, Person, Register},
};
use domain::{role::SystemRole, todo::Todo};
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

/// The end of the log.
async fn end(node: &Node) -> Cursor {
    let sql = "SELECT tx_id::text, position FROM events ORDER BY tx_id DESC, position DESC LIMIT 1";
    let row = node.client().await.query_one(sql, &[]).await.unwrap();
    Cursor { tx: row.get::<_, &str>(0).parse().unwrap(), position: row.get(1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_passed_over_without_a_transaction_and_shown_on_every_node() {
    const MODELS: [ReadModel; 3] = [ReadModel::People, ReadModel::PeopleVersions, ReadModel::Referrals];
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let told_nothing = Node::on(&database);
    let _people = node.run(PeopleProjection::new(Arc::clone(&node.vault) as _));
    let _versions = node.run(PeopleVersionsProjection::default());
    let _referrals = node.run(ReferralsProjection::default());
    let app = node.app();
    let person = |name: &str| Person {
        fullname: name.to_owned().try_into().unwrap(),
        username: name.to_owned().try_into().unwrap(),
        email: format!("{name}@example.org").try_into().unwrap(),
        password: "Correct7Horse".to_owned().try_into().unwrap(),
    };
    let register = Register { person: person("alice"), tenant_name: None, referral_code: None };
    let tenant = app.send(&given::nobody(), register, Terms::default()).await.unwrap().person.tenant.id;
    // Who is added need not verify an address before a sign-in.
    let add = AddPerson { person: person("bob"), tenant, role: SystemRole::Member };
    app.send(&Caller::system(Platform::User, "test"), add, Terms::default()).await.unwrap();
    let registered = end(&node).await;
    for model in MODELS {
        node.caught_up(model.name(), &["user"]).await;
    }
    let checkpoints = async || -> Vec<Checkpoint> {
        let client = node.client().await;
        list(&client).await.unwrap()
    };
    let before = checkpoints().await;

    let login =
        || Login { identifier: "bob".to_owned(), password: "Correct7Horse".to_owned(), network: None };
    for _ in 0..5 {
        app.send(&given::nobody(), login(), Terms::default()).await.unwrap();
        let signed_in = end(&node).await;
        assert!(signed_in > registered);
        for model in MODELS {
            shown(&node, model, signed_in).await;
            shown(&told_nothing, model, signed_in).await;
        }
    }
    assert_eq!(checkpoints().await, before, "a sign-in cost a transaction");
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
