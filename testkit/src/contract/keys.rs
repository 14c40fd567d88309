//! Idempotency keys: the same request is carried out once, another one is refused.

use std::sync::Arc;

use application::ports::{AppendError, Cursor, EventLog, LogError, Unit};
use cqrs_es::Aggregate;
use domain::{StreamId, todo::Todo};

use crate::{
    TestEntropy,
    given::{bare, claim, key, keyed, somebody, todo_completed, todo_created, todo_stream, unit},
    race,
};

type Log = Arc<dyn EventLog>;

/// How often a client sends the same request at once.
const CLIENTS: usize = 16;

fn creation(entropy: &TestEntropy) -> (StreamId, Unit) {
    let alice = somebody(entropy);
    let (stream, _) = todo_stream(alice, entropy);
    let append = bare::<Todo>(&stream, 0, &[todo_created(alice, "milk"), todo_completed(1)]);
    (stream, unit([append]))
}

async fn count(log: &Log, stream: &StreamId) -> usize {
    log.events(Todo::TYPE, stream, 0).await.expect("the stream is read").len()
}

/// Nothing is known of a key before its use.
pub async fn an_unused_key_has_no_receipt(log: Log) {
    assert_eq!(log.receipt(&key("unused", 1)).await.expect("the log answers"), None);
}

/// A key stands for one request.
pub async fn another_request_under_the_same_key_is_refused(log: Log) {
    let entropy = TestEntropy::seeded(11);
    let (_, first) = creation(&entropy);
    let (stream, other) = creation(&entropy);
    log.append(keyed(first, "k", 1)).await.expect("the key is new");

    let refused = log.append(keyed(other, "k", 2)).await.expect_err("the key stands for another request");

    assert!(matches!(refused, AppendError::Log(LogError::KeyReused)), "{refused:?}");
    assert_eq!(count(&log, &stream).await, 0);
    let asked = log.receipt(&key("k", 2)).await;
    assert!(matches!(asked, Err(LogError::KeyReused)), "{asked:?}");
}

/// The second answer is the first one, and nothing happens.
pub async fn the_same_request_again_is_a_duplicate(log: Log) {
    let entropy = TestEntropy::seeded(12);
    let (stream, first) = creation(&entropy);
    let (second_stream, second) = creation(&entropy);
    let appended = log.append(keyed(first, "k", 1)).await.expect("the key is new");

    let again = log.append(keyed(second, "k", 1)).await.expect_err("the request was carried out already");

    let AppendError::Duplicate(receipt) = again else { panic!("{again:?}") };
    assert_eq!((&receipt.stream, receipt.version, receipt.cursor), (&stream, 2, appended.cursor));
    assert_eq!(log.receipt(&key("k", 1)).await.expect("the log answers"), Some(receipt));
    assert_eq!((count(&log, &stream).await, count(&log, &second_stream).await), (2, 0));
}

/// However many come at once, one of them does it.
pub async fn concurrent_duplicates_are_carried_out_once(log: Log) {
    let entropy = Arc::new(TestEntropy::seeded(13));
    let outcomes = race(CLIENTS, |_| {
        let (log, (stream, creation)) = (Arc::clone(&log), creation(&entropy));
        async move { (stream, log.append(keyed(creation, "k", 1)).await) }
    })
    .await;

    let (winners, rest): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(_, outcome)| outcome.is_ok());
    let [(winner, _)] = winners.as_slice() else { panic!("{} were carried out", winners.len()) };
    for (stream, outcome) in rest {
        let Err(AppendError::Duplicate(receipt)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((&receipt.stream, receipt.version), (winner, 2));
        assert_eq!(count(&log, stream).await, 0);
    }
    assert_eq!(count(&log, winner).await, 2);
}

/// What was not carried out may be tried again under the same key.
pub async fn a_refused_append_leaves_its_key_unused(log: Log) {
    let entropy = TestEntropy::seeded(14);
    let (stream, first) = creation(&entropy);
    log.append(first.clone()).await.expect("it is stored");
    let conflict = log.append(keyed(first, "k", 1)).await.expect_err("the stream began already");
    assert!(matches!(conflict, AppendError::Conflict), "{conflict:?}");
    let (_, mut holder) = creation(&entropy);
    holder.appends[0].takes = vec![claim("v")];
    let (_, mut late) = creation(&entropy);
    late.appends[0].takes = vec![claim("v")];
    log.append(holder).await.expect("the value is free");
    let taken = log.append(keyed(late, "k", 1)).await.expect_err("the value is taken");
    assert!(matches!(taken, AppendError::Taken(_)), "{taken:?}");
    assert_eq!(log.receipt(&key("k", 1)).await.expect("the log answers"), None);

    let next = unit([bare::<Todo>(&stream, 2, &[todo_completed(2)])]);
    log.append(keyed(next, "k", 1)).await.expect("the key was not used");

    assert_eq!(count(&log, &stream).await, 3);
}

/// Such a unit is a mistake of the caller.
pub async fn a_unit_without_events_and_key_is_refused(log: Log) {
    let entropy = TestEntropy::seeded(15);
    let (stream, _) = todo_stream(somebody(&entropy), &entropy);

    let refused =
        log.append(unit([bare::<Todo>(&stream, 0, &[])])).await.expect_err("there is nothing to store");

    assert!(matches!(refused, AppendError::Log(LogError::Broken(_))), "{refused:?}");
}

/// A command that found nothing to do is answered alike the second time.
pub async fn a_key_without_events_is_remembered(log: Log) {
    let entropy = TestEntropy::seeded(16);
    let (stream, first) = creation(&entropy);
    let written = log.append(first).await.expect("it is stored").cursor;
    let nothing = |body| keyed(unit([bare::<Todo>(&stream, 2, &[])]), "k", body);

    let done = log.append(nothing(1)).await.expect("the key is new");
    let again = log.append(nothing(1)).await.expect("the same request changes nothing either");
    let other = log.append(nothing(2)).await.expect_err("the key stands for another request");

    assert_eq!((done.cursor, again.cursor), (written, written));
    assert!(matches!(other, AppendError::Log(LogError::KeyReused)), "{other:?}");
    let receipt = log.receipt(&key("k", 1)).await.expect("the log answers").expect("the key was used");
    assert_eq!((receipt.stream, receipt.version, receipt.cursor), (stream.clone(), 2, written));
    assert_eq!(count(&log, &stream).await, 2);
    assert_ne!(written, Cursor::default());
}
