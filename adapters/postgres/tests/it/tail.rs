//! The tail: none skipped, none twice, streams in order, whatever writers do.

use std::{collections::HashMap, sync::Arc, time::Duration};

use adapter_postgres::log::{Recorded, Tail};
use application::{
    Member,
    ports::{Cursor, Entropy},
};
use cqrs_es::Aggregate;
use domain::{StreamId, tag::Tag, todo::Todo};
use testkit::{
    TestDatabase, TestEntropy, eventually,
    given::{bare, somebody, tag_created, todo_created, todo_stream, todo_text},
};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::rig::Node;

const WRITERS: u64 = 24;
const ROUNDS: i64 = 40;
/// How long writers leave their transactions open, at most.
const HELD_MILLIS: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn none_is_skipped_none_comes_twice_and_streams_keep_their_order() {
    let database = TestDatabase::alone().await;
    let node = Arc::new(Node::on(&database));
    let alice = somebody(&node.entropy);
    let shared = todo_stream(alice, &node.entropy).0;
    node.append([bare::<Todo>(&shared, 0, &[todo_created(alice, "everybody's")])]).await;
    let mut writers = JoinSet::new();
    for seed in 0..WRITERS {
        writers.spawn(write(Arc::clone(&node), database.owner().await, alice, shared.clone(), seed));
    }

    let client = node.client().await;
    let tail = Tail::of(&[Todo::TYPE]);
    let mut read: Vec<Recorded> = Vec::new();
    let (mut after, mut polls) = (Cursor::default(), 0);
    let mut running = true;
    loop {
        // Asked before reading: what was committed until then is read now.
        running = running && {
            while writers.try_join_next().is_some() {}
            !writers.is_empty()
        };
        let batch = tail.read(&client, after, 50).await.unwrap();
        assert!(batch.scanned >= after, "{:?} is before {after:?}", batch.scanned);
        let done = !running && batch.events.is_empty();
        (after, polls) = (batch.scanned, polls + 1);
        read.extend(batch.events);
        if done {
            break;
        }
    }

    assert!(polls > 50, "the reader read while writers wrote: {polls} polls");
    assert!(read.windows(2).all(|pair| pair[0].cursor < pair[1].cursor), "not in the one order, or twice");
    let mut streams: HashMap<&str, i64> = HashMap::new();
    for event in &read {
        let last = streams.entry(event.stream.as_str()).or_default();
        assert_eq!(event.sequence, *last + 1, "{} is out of order", event.stream);
        *last = event.sequence;
    }
    let stored: i64 = client.query_one("SELECT count(*) FROM events", &[]).await.unwrap().get(0);
    assert_eq!(i64::try_from(read.len()).unwrap(), stored);
    assert!(
        stored > i64::try_from(WRITERS).unwrap() * ROUNDS / 2 && streams.len() > 100,
        "{stored}, {}",
        streams.len()
    );
}

/// Transactions that stay open for a while, some of them rolled back; between them appends of ours
/// to a stream that all want.
async fn write(node: Arc<Node>, mut session: Client, alice: Member, shared: StreamId, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let entropy = TestEntropy::seeded(seed + 1000);
    let own = todo_stream(alice, &entropy).0;
    let mut sequence = 0;
    for round in 0..ROUNDS {
        let tx = session.transaction().await.unwrap();
        let stream = if random.bool() { own.clone() } else { todo_stream(alice, &entropy).0 };
        let next = if stream == own { sequence + 1 } else { 1 };
        insert(&tx, &stream, next).await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..HELD_MILLIS))).await;
        if random.u8(0..4) == 0 {
            tx.rollback().await.unwrap();
        } else {
            insert(&tx, &stream, next + 1).await;
            tx.commit().await.unwrap();
            sequence = if stream == own { sequence + 2 } else { sequence };
        }
        if round % 8 == 0 {
            let seen = session.query_one(LAST, &[&shared.as_str()]).await.unwrap().get(0);
            let wanted = bare::<Todo>(&shared, seen, &[todo_text("mine", round)]);
            // Another writer may have been quicker; that is not what this is about.
            let _ = application::ports::EventLog::append(&*node.log, testkit::given::unit([wanted])).await;
        }
    }
}

const LAST: &str = "SELECT max(sequence) FROM events WHERE aggregate_id = $1";

async fn insert(client: &impl tokio_postgres::GenericClient, stream: &StreamId, sequence: i64) {
    let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
               VALUES ('todo', $1, $2, 'todo.completed', '1', '{}', '{}')";
    client.execute(sql, &[&stream.as_str(), &sequence]).await.unwrap();
}

async fn streams(tail: &Tail, node: &Node, after: Cursor) -> Vec<StreamId> {
    let batch = tail.read(&node.client().await, after, 100).await.unwrap();
    batch.events.into_iter().map(|event| event.stream).collect()
}

#[tokio::test]
async fn a_writer_that_is_late_to_commit_is_waited_for() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let [early, late] = [todo_stream(alice, &node.entropy).0, todo_stream(alice, &node.entropy).0];
    let tail = Tail::of(&[Todo::TYPE]);
    let mut session = database.owner().await;
    let tx = session.transaction().await.unwrap();
    insert(&tx, &early, 1).await;
    let own: String = tx.query_one("SELECT pg_current_xact_id()::text", &[]).await.unwrap().get(0);
    let appended = node.append([bare::<Todo>(&late, 0, &[todo_created(alice, "quick")])]).await;

    let batch = tail.read(&node.client().await, Cursor::default(), 100).await.unwrap();
    assert!(batch.events.is_empty(), "what came after an open transaction was read");
    assert!(batch.scanned < appended.cursor);
    assert!(batch.scanned.tx < own.parse().unwrap(), "it says that it looked at what is open");
    tx.commit().await.unwrap();

    eventually("both are read", async || streams(&tail, &node, batch.scanned).await.len() == 2).await;
    assert_eq!(streams(&tail, &node, batch.scanned).await, [early, late]);
}

#[tokio::test]
async fn a_writer_that_rolls_back_leaves_no_hole_to_wait_at() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let [gone, next] = [todo_stream(alice, &node.entropy).0, todo_stream(alice, &node.entropy).0];
    let tail = Tail::of(&[Todo::TYPE]);
    let mut session = database.owner().await;
    let tx = session.transaction().await.unwrap();
    insert(&tx, &gone, 1).await;
    node.append([bare::<Todo>(&next, 0, &[todo_created(alice, "next")])]).await;
    assert_eq!(streams(&tail, &node, Cursor::default()).await, []);

    tx.rollback().await.unwrap();

    let passed = async {
        eventually("it is passed", async || !streams(&tail, &node, Cursor::default()).await.is_empty()).await;
    };
    tokio::time::timeout(Duration::from_secs(2), passed).await.unwrap();
    assert_eq!(streams(&tail, &node, Cursor::default()).await, [next]);
}

#[tokio::test]
async fn a_transaction_that_only_reads_holds_nothing() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let stream = todo_stream(alice, &node.entropy).0;
    let idle = database.owner().await;
    idle.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events").await.unwrap();

    node.append([bare::<Todo>(&stream, 0, &[todo_created(alice, "milk")])]).await;

    assert_eq!(streams(&Tail::of(&[Todo::TYPE]), &node, Cursor::default()).await, [stream]);
    let state: String = database
        .owner()
        .await
        .query_one("SELECT state FROM pg_stat_activity WHERE query LIKE 'BEGIN ISOLATION%'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(state, "idle in transaction");
    idle.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn a_filtered_tail_moves_over_what_it_scanned_and_no_further() {
    let database = TestDatabase::alone().await;
    let node = Node::on(&database);
    let alice = somebody(&node.entropy);
    let tail = Tail::of(&[Todo::TYPE]);
    let mut tags = Vec::new();
    for name in ["a", "b", "c"] {
        let stream = StreamId::within(alice.tenant, node.entropy.id());
        tags.push(node.append([bare::<Tag>(&stream, 0, &[tag_created(alice.tenant, name)])]).await.cursor);
    }
    let client = node.client().await;

    let batch = tail.read(&client, Cursor::default(), 2).await.unwrap();
    assert!(batch.events.is_empty());
    assert!(batch.scanned > tags[2], "{:?}", batch.scanned);

    let [first, second, third] = std::array::from_fn(|_| todo_stream(alice, &node.entropy).0);
    let mut places = Vec::new();
    for (n, stream) in [&first, &second, &third].into_iter().enumerate() {
        places.push(
            node.append([bare::<Todo>(stream, 0, &[todo_created(alice, &n.to_string())])]).await.cursor,
        );
    }
    let full = tail.read(&client, batch.scanned, 2).await.unwrap();
    assert_eq!(full.events.iter().map(|event| &event.stream).collect::<Vec<_>>(), [&first, &second]);
    assert_eq!(full.scanned, places[1], "a full batch has scanned up to its last event");
    assert_eq!(streams(&tail, &node, full.scanned).await, [third]);
}
