//! Unique values: one stream holds each, and they stand and fall with the events.

use std::sync::Arc;

use application::ports::{Append, AppendError, EventLog};
use cqrs_es::Aggregate;
use domain::{StreamId, todo::Todo};

use crate::{
    TestEntropy,
    given::{bare, claim, keyed, somebody, todo_completed, todo_created, todo_stream, unit},
    race,
};

type Log = Arc<dyn EventLog>;

/// How many want one value at once.
const RIVALS: usize = 32;

/// A new stream that takes `values`.
fn taking(entropy: &TestEntropy, values: &[&str]) -> (StreamId, Append) {
    let alice = somebody(entropy);
    let (stream, _) = todo_stream(alice, entropy);
    let takes = values.iter().map(|value| claim(value)).collect();
    (stream.clone(), Append { takes, ..bare::<Todo>(&stream, 0, &[todo_created(alice, "milk")]) })
}

async fn holder(log: &Log, value: &str) -> Option<StreamId> {
    log.holder(&claim(value)).await.expect("claims are read")
}

async fn exists(log: &Log, stream: &StreamId) -> bool {
    !log.events(Todo::TYPE, stream, 0).await.expect("the stream is read").is_empty()
}

/// The refusal names the value, and nothing of the unit is stored.
pub async fn a_value_of_another_stream_is_taken(log: Log) {
    let entropy = TestEntropy::seeded(21);
    let (first, append) = taking(&entropy, &["a"]);
    log.append(unit([append])).await.expect("the value is free");
    let (second, append) = taking(&entropy, &["free", "a", "also free"]);
    let (third, innocent) = taking(&entropy, &[]);

    let refused = log.append(unit([innocent, append])).await.expect_err("the value is taken");

    let AppendError::Taken(named) = refused else { panic!("{refused:?}") };
    assert_eq!(named, claim("a"));
    assert!(!exists(&log, &second).await && !exists(&log, &third).await);
    assert_eq!((holder(&log, "a").await, holder(&log, "free").await), (Some(first), None));
}

/// A stream cannot free what is not its own.
pub async fn a_value_is_released_only_by_its_holder(log: Log) {
    let entropy = TestEntropy::seeded(22);
    let (first, append) = taking(&entropy, &["a"]);
    log.append(unit([append])).await.expect("the value is free");

    let (_, thief) = taking(&entropy, &[]);
    log.append(unit([Append { releases: vec![claim("a")], ..thief }])).await.expect("the stream is new");

    assert_eq!(holder(&log, "a").await, Some(first));
}

/// What its holder let go, another stream may take.
pub async fn a_released_value_is_free_again(log: Log) {
    let entropy = TestEntropy::seeded(23);
    let (first, append) = taking(&entropy, &["a", "b"]);
    log.append(unit([append])).await.expect("the values are free");
    let release = bare::<Todo>(&first, 1, &[todo_completed(1)]);
    log.append(unit([Append { releases: vec![claim("a")], takes: vec![claim("c")], ..release }]))
        .await
        .expect("a value is released, and another one free");
    assert_eq!(holder(&log, "a").await, None);

    let (second, append) = taking(&entropy, &["a"]);
    log.append(unit([append])).await.expect("the value is free again");

    assert_eq!(holder(&log, "a").await, Some(second));
    assert_eq!((holder(&log, "b").await, holder(&log, "c").await), (Some(first.clone()), Some(first)));
}

/// Released and taken in one unit: the heir has it, and nobody else could in between.
pub async fn a_value_is_passed_on_in_one_unit(log: Log) {
    let entropy = TestEntropy::seeded(24);
    let (first, append) = taking(&entropy, &["a"]);
    log.append(unit([append])).await.expect("the value is free");
    let release = Append { releases: vec![claim("a")], ..bare::<Todo>(&first, 1, &[todo_completed(1)]) };
    let (second, heir) = taking(&entropy, &["a"]);

    log.append(unit([heir, release])).await.expect("the value is passed on");

    assert_eq!(holder(&log, "a").await, Some(second));
}

/// However many want it at once.
pub async fn one_of_many_takes_a_value(log: Log) {
    let entropy = TestEntropy::seeded(25);
    let outcomes = race(RIVALS, |_| {
        let (log, (stream, append)) = (Arc::clone(&log), taking(&entropy, &["a"]));
        async move { (stream, log.append(unit([append])).await) }
    })
    .await;

    let (winners, rest): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(_, outcome)| outcome.is_ok());
    let [(winner, _)] = winners.as_slice() else { panic!("{} took it", winners.len()) };
    assert_eq!(holder(&log, "a").await.as_ref(), Some(winner));
    for (stream, outcome) in rest {
        assert!(matches!(outcome, Err(AppendError::Taken(named)) if *named == claim("a")), "{outcome:?}");
        assert!(!exists(&log, stream).await);
    }
}

/// A request that was carried out already touches no value.
pub async fn a_duplicate_takes_and_releases_nothing(log: Log) {
    let entropy = TestEntropy::seeded(26);
    let (first, append) = taking(&entropy, &["a"]);
    log.append(keyed(unit([append]), "k", 1)).await.expect("the key is new");

    let again = Append {
        takes: vec![claim("b")],
        releases: vec![claim("a")],
        ..bare::<Todo>(&first, 1, &[todo_completed(1)])
    };
    let again = log.append(keyed(unit([again]), "k", 1)).await.expect_err("the key was used");

    assert!(matches!(again, AppendError::Duplicate(_)), "{again:?}");
    assert_eq!((holder(&log, "a").await, holder(&log, "b").await), (Some(first), None));
}
