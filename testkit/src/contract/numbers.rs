//! Running numbers: unique and without a gap in each series.

use std::sync::Arc;

use application::{
    Member,
    ports::{Append, AppendError, EventLog},
};
use cqrs_es::Aggregate;
use domain::{StreamId, todo::Todo};
use serde_json::Value;

use crate::{
    TestEntropy,
    given::{append, bare, somebody, todo_completed, todo_created, todo_stream, unit},
    race,
};

type Log = Arc<dyn EventLog>;

/// How many create at once.
const CREATORS: usize = 64;

fn creation(of: Member, text: &str, entropy: &TestEntropy) -> (StreamId, Append) {
    let (stream, _) = todo_stream(of, entropy);
    (stream.clone(), append::<Todo>(&stream, &[], &[todo_created(of, text), todo_completed(1)]))
}

async fn stored_number(log: &Log, stream: &StreamId) -> Value {
    let events = log.events(Todo::TYPE, stream, 0).await.expect("the stream is read");
    assert!(events[1].payload.get("number").is_none(), "only the first event is numbered");
    events[0].payload["number"].clone()
}

/// Tenants count for themselves, and the number is in the event.
pub async fn each_series_counts_from_one(log: Log) {
    let entropy = TestEntropy::seeded(31);
    let (alice, bob) = (somebody(&entropy), somebody(&entropy));
    for (of, text, expected) in
        [(alice, "a", 1), (alice, "b", 2), (bob, "a", 1), (alice, "c", 3), (bob, "b", 2)]
    {
        let (stream, creation) = creation(of, text, &entropy);

        let appended = log.append(unit([creation])).await.expect("it is new");

        assert_eq!(appended.numbers, [Some(expected)]);
        assert_eq!(stored_number(&log, &stream).await, Value::from(expected));
    }
}

/// Refusals leave no hole, whatever refused.
pub async fn an_append_that_is_refused_uses_no_number(log: Log) {
    let entropy = TestEntropy::seeded(32);
    let alice = somebody(&entropy);
    let (_, first) = creation(alice, "a", &entropy);
    log.append(unit([first.clone()])).await.expect("it is new");

    let conflict = log.append(unit([first])).await.expect_err("the stream began already");
    assert!(matches!(conflict, AppendError::Conflict), "{conflict:?}");
    let (_, same_text) = creation(alice, "a", &entropy);
    let taken = log.append(unit([same_text])).await.expect_err("the text is taken");
    assert!(matches!(taken, AppendError::Taken(_)), "{taken:?}");

    let (_, next) = creation(alice, "b", &entropy);
    assert_eq!(log.append(unit([next])).await.expect("it is new").numbers, [Some(2)]);
}

/// Half of the creators are refused, by a text that is taken or by a stream that began already.
pub async fn many_creators_leave_no_gap(log: Log) {
    let entropy = TestEntropy::seeded(33);
    let alice = somebody(&entropy);
    let (begun, _) = todo_stream(alice, &entropy);
    log.append(unit([bare::<Todo>(&begun, 0, &[todo_created(alice, "begun")])])).await.expect("it is new");

    let outcomes = race(CREATORS, |n| {
        let (log, begun) = (Arc::clone(&log), begun.clone());
        let text = if n % 4 == 1 { "the same".to_owned() } else { format!("todo {n}") };
        let (stream, mut creation) = creation(alice, &text, &entropy);
        if n % 4 == 2 {
            creation.stream = begun;
        }
        async move { (stream, log.append(unit([creation])).await) }
    })
    .await;

    let mut numbers = Vec::new();
    for (stream, outcome) in &outcomes {
        if let Ok(appended) = outcome {
            let number = appended.numbers[0].expect("creations are numbered");
            assert_eq!(stored_number(&log, stream).await, Value::from(number));
            numbers.push(number);
        } else {
            assert!(matches!(outcome, Err(AppendError::Taken(_) | AppendError::Conflict)), "{outcome:?}");
        }
    }
    numbers.sort_unstable();
    // A quarter conflicts; of a quarter with the same text one is stored; the rest is.
    let stored = i64::try_from(CREATORS / 2 + 1).expect("a small number");
    assert!(numbers.iter().copied().eq(1..=stored), "{numbers:?}");
}
