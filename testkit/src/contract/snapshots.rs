//! Snapshots and the size of payloads.

use std::sync::Arc;

use application::ports::{Append, AppendError, EventLog, PAYLOAD_BYTES_MAX, Snapshot};
use cqrs_es::Aggregate;
use domain::{StreamId, todo::Todo};
use serde_json::{Value, json};

use crate::{
    TestEntropy,
    given::{
        bare, claim, key, keyed, new_event, snapshot, somebody, todo_completed, todo_created, todo_stream,
        todo_text, unit,
    },
};

type Log = Arc<dyn EventLog>;

/// A new stream of two events whose second payload is `bytes` long.
fn sized(bytes: usize, entropy: &TestEntropy) -> (StreamId, Append) {
    let alice = somebody(entropy);
    let (stream, _) = todo_stream(alice, entropy);
    let empty = new_event(&todo_text("", 0)).payload.get().len();
    let text = "x".repeat(bytes - empty);
    (stream.clone(), bare::<Todo>(&stream, 0, &[todo_created(alice, "milk"), todo_text(&text, 0)]))
}

async fn stored(log: &Log, stream: &StreamId) -> Option<Snapshot> {
    log.snapshot(Todo::TYPE, stream).await.expect("snapshots are read")
}

/// Nothing to start from.
pub async fn a_stream_without_snapshot_has_none(log: Log) {
    let entropy = TestEntropy::seeded(41);
    let (stream, append) = sized(200, &entropy);
    log.append(unit([append])).await.expect("it is new");

    assert_eq!(stored(&log, &stream).await, None);
}

/// One snapshot a stream: the newest, of the unit's last event.
pub async fn a_snapshot_is_read_back_until_the_next(log: Log) {
    let entropy = TestEntropy::seeded(42);
    let (stream, append) = sized(200, &entropy);
    let (first, second) = (json!({"a": [1, "ü", null]}), json!({"b": 2.5}));
    log.append(unit([Append { snapshot: Some(snapshot(1, &first)), ..append }])).await.expect("it is new");
    assert_eq!(stored(&log, &stream).await, Some(Snapshot { sequence: 2, schema: 1, payload: first }));

    let next = bare::<Todo>(&stream, 2, &[todo_completed(1)]);
    log.append(unit([Append { snapshot: Some(snapshot(7, &second)), ..next }])).await.expect("it is next");

    assert_eq!(stored(&log, &stream).await, Some(Snapshot { sequence: 3, schema: 7, payload: second }));
}

/// A snapshot belongs to its events.
pub async fn a_refused_append_leaves_the_snapshot(log: Log) {
    let entropy = TestEntropy::seeded(43);
    let (stream, append) = sized(200, &entropy);
    log.append(unit([Append { snapshot: Some(snapshot(1, &json!("first"))), ..append }]))
        .await
        .expect("it is new");

    let stale = bare::<Todo>(&stream, 1, &[todo_completed(1)]);
    let refused = log.append(unit([Append { snapshot: Some(snapshot(1, &json!("late"))), ..stale }])).await;

    assert!(matches!(refused, Err(AppendError::Conflict)), "{refused:?}");
    let snapshot = stored(&log, &stream).await.expect("the first one is still there");
    assert_eq!((snapshot.sequence, snapshot.payload), (2, Value::from("first")));
}

/// A metadata or payload bomb reaches no table.
pub async fn a_payload_over_the_limit_is_refused_before_anything(log: Log) {
    let entropy = TestEntropy::seeded(44);
    let (stream, append) = sized(PAYLOAD_BYTES_MAX + 1, &entropy);
    let bomb = Append { takes: vec![claim("bomb")], ..append };

    let refused = log.append(keyed(unit([bomb]), "k", 1)).await.expect_err("it is too large");

    assert!(
        matches!(refused, AppendError::TooLarge { bytes } if bytes == PAYLOAD_BYTES_MAX + 1),
        "{refused:?}"
    );
    assert_eq!(log.events(Todo::TYPE, &stream, 0).await.expect("the stream is read"), []);
    assert_eq!(log.holder(&claim("bomb")).await.expect("claims are read"), None);
    assert_eq!(log.receipt(&key("k", 1)).await.expect("the log answers"), None);
}

/// The limit itself is allowed.
pub async fn a_payload_at_the_limit_is_stored(log: Log) {
    let entropy = TestEntropy::seeded(45);
    let (stream, append) = sized(PAYLOAD_BYTES_MAX, &entropy);

    log.append(unit([append])).await.expect("it is not too large");

    assert_eq!(log.events(Todo::TYPE, &stream, 0).await.expect("the stream is read").len(), 2);
}
