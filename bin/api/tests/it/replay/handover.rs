//! From history into the present: none skipped, none twice, in order.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::{Play, Said, Writer, id, position, positions, system};
use crate::{
    documents::{COMPLETE, create},
    operators::colleague,
    person::Person,
    system::shared,
};

/// How often each writer writes while the replay runs.
const ROUNDS: u32 = 20;
/// How long writers leave their transactions open, at most.
const HELD_MILLIS: u32 = 25;

#[tokio::test]
async fn a_replay_shows_what_the_trail_shows_and_then_what_happens() {
    let system = shared().await;
    let person = Person::new(&system.a).await;
    let client = person.at(&system.a);
    let made = create(&client, "replayed").await;
    let done = client.ask(COMPLETE, json!({"id": made["todo"]["id"]})).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let filter = json!({"tenantId": person.tenant});
    let trail = "query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) { nodes { cursor position \
        recordedAt eventType aggregateId version tenantId actorKind payload } } }";
    let trail = operator.after(&done["cursor"]).ask(trail, json!({"filter": filter})).await;

    let mut play = Play::begin(&system.portal, &operator.token(), json!({"filter": filter})).await;
    let Said::Progress(first) = play.next().await else { panic!("the first item tells how much there is") };
    assert!(first["progress"]["total"].as_f64().unwrap() >= 6.0, "{first}");
    let past = play.events(6).await;
    for (item, node) in past.iter().zip(trail["nodes"].as_array().unwrap()) {
        let mut expected = node.clone();
        let cursor = expected.as_object_mut().unwrap().remove("cursor").unwrap();
        assert_eq!((&item["event"], &item["cursor"]), (&expected, &cursor));
    }
    let caught_up = play.caught_up().await;
    assert_eq!(
        (&caught_up["progress"]["percent"], &caught_up["progress"]["secondsLeft"]),
        (&json!(100.0), &json!(0.0))
    );
    let live = create(&client, "live").await;
    let seen = play.event().await;
    assert_eq!((&seen["cursor"], &seen["event"]["payload"]["text"]), (&live["cursor"], &json!("live")));
    assert_eq!(seen["progress"]["caughtUp"], true);
}

/// Transactions that stay open while others commit before them; some are rolled back.
async fn write(writer: &Writer, seed: u64) {
    let mut random = numbers(seed);
    for _ in 0..ROUNDS {
        writer.session.batch_execute("BEGIN").await.unwrap();
        writer.create(3, 1).await;
        tokio::time::sleep(Duration::from_millis(u64::from(random() % HELD_MILLIS))).await;
        writer.create(2, 1).await;
        let end = if random().is_multiple_of(5) { "ROLLBACK" } else { "COMMIT" };
        writer.session.batch_execute(end).await.unwrap();
    }
}

/// Numbers that look random, the same each time.
fn numbers(seed: u64) -> impl FnMut() -> u32 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 40).unwrap()
    }
}

#[tokio::test]
async fn writers_that_hold_their_transactions_open_make_it_skip_nothing_and_repeat_nothing() {
    let system = system().await;
    let tenant = id();
    let writers = join_all((0..4).map(|_| Writer::new(&system, &tenant))).await;
    writers[0].create(2_000, 1).await;
    let mut play = Play::of(&system, json!({"filter": writers[0].filter()})).await;
    let expected = AtomicUsize::new(usize::MAX);

    let writing = async {
        join_all(writers.iter().zip(1..).map(|(writer, seed)| write(writer, seed))).await;
        expected.store(writers[0].stored().await.len() + 1, Ordering::SeqCst);
        writers[0].create(1, 1).await;
    };
    let reading = async {
        let mut read = Vec::new();
        // The last event is written once it is known how many there are.
        while read.len() < expected.load(Ordering::SeqCst) {
            read.push(position(&play.event().await));
        }
        read
    };
    let ((), read) = join(writing, reading).await;
    let stored = writers[0].stored().await;
    assert!(stored.len() > 2_000 + 150, "{} events", stored.len());
    assert_eq!(read, stored, "in the one order, none skipped, none twice");
    assert!(!stored.is_sorted(), "transactions really overlapped");
}

#[tokio::test]
async fn a_replay_that_was_cut_resumes_where_it_was() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(1_200, 1).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let (mut all, mut from) = (Vec::new(), Value::Null);
    while all.len() < 1_200 {
        let wanted = json!({"filter": writer.filter(), "from": from});
        let mut play = Play::begin(&system.portal, &operator.token(), wanted).await;
        let some = play.events(170.min(1_200 - all.len())).await;
        from = some.last().unwrap()["cursor"].clone();
        all.extend(positions(&some));
        // Gone without a word, with items on the way.
        drop(play);
    }
    assert_eq!(all, writer.stored().await);
}

#[tokio::test]
async fn with_an_end_it_completes_there_and_from_and_to_take_times_as_well() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(30, 1_000).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let play = async |mut wanted: Value| {
        wanted["filter"] = writer.filter();
        Play::begin(&system.portal, &operator.token(), wanted).await.until_the_end().await
    };
    let stored = writer.stored().await;
    let mut whole = Play::begin(&system.portal, &operator.token(), json!({"filter": writer.filter()})).await;
    let items = whole.events(30).await;
    assert_eq!(positions(&items), stored);

    let (some, last) = play(json!({"from": items[4]["cursor"], "to": items[9]["cursor"]})).await;
    assert_eq!(positions(&some), stored[5..10], "behind the one, up to and with the other");
    assert_eq!((&last["progress"]["percent"], &last["progress"]["done"]), (&json!(100.0), &json!(5.0)));
    let at = |n: usize| items[n]["event"]["recordedAt"].clone();
    let (some, _) = play(json!({"from": at(10), "to": at(19)})).await;
    assert_eq!(positions(&some), stored[10..20], "times include both ends");
    let (some, _) = play(json!({"from": "2001-01-01T00:00:00Z", "to": at(2)})).await;
    assert_eq!(positions(&some), stored[..3], "a time before the first event is the first event");
    let (some, _) = play(json!({"from": items[29]["cursor"], "to": items[29]["cursor"]})).await;
    assert!(some.is_empty());
}
