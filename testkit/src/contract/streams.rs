//! Streams: contiguous, conflicts typed, units whole or not at all.

use std::{iter::repeat_with, sync::Arc};

use application::ports::{AppendError, Cursor, Entropy, EventLog};
use cqrs_es::{Aggregate, DomainEvent};
use domain::{
    StreamId,
    tag::{Tag, TagEvent},
    todo::{Todo, TodoEvent},
};
use serde_json::Value;

use crate::{
    TestEntropy,
    given::{
        bare, claim, colleague, moment, somebody, tag_created, todo_completed, todo_created, todo_stream,
        todo_text, unit,
    },
    race,
};

type Log = Arc<dyn EventLog>;

/// How many writers race.
const WRITERS: usize = 16;

async fn names(log: &Log, aggregate_type: &'static str, stream: &StreamId) -> Vec<String> {
    let events = log.events(aggregate_type, stream, 0).await.expect("the stream is read");
    let sequences: Vec<usize> = events.iter().map(|event| event.sequence).collect();
    assert!(sequences.iter().copied().eq(1..=events.len()), "not contiguous: {sequences:?}");
    events.into_iter().map(|event| event.event_type).collect()
}

/// A stream begins once.
pub async fn a_second_beginning_is_a_conflict(log: Log) {
    let entropy = TestEntropy::seeded(1);
    let alice = somebody(&entropy);
    let (stream, _) = todo_stream(alice, &entropy);
    let begin = || unit([bare::<Todo>(&stream, 0, &[todo_created(alice, "milk")])]);
    log.append(begin()).await.expect("the first beginning is stored");

    let refused = log.append(begin()).await.expect_err("a stream has one beginning");

    assert!(matches!(refused, AppendError::Conflict), "{refused:?}");
    assert_eq!(names(&log, Todo::TYPE, &stream).await, ["todo.created"]);
}

/// Who has not seen the last event may not add one.
pub async fn a_stale_append_is_a_conflict_and_changes_nothing(log: Log) {
    let entropy = TestEntropy::seeded(2);
    let alice = somebody(&entropy);
    let (stream, _) = todo_stream(alice, &entropy);
    let history = [todo_created(alice, "milk"), todo_completed(1)];
    log.append(unit([bare::<Todo>(&stream, 0, &history)])).await.expect("a new stream is stored");

    let mut stale = bare::<Todo>(&stream, 1, &[todo_text("bread", 2), todo_text("butter", 3)]);
    stale.takes = vec![claim("a")];
    let refused = log.append(unit([stale])).await.expect_err("version 2 is there already");

    assert!(matches!(refused, AppendError::Conflict), "{refused:?}");
    assert_eq!(names(&log, Todo::TYPE, &stream).await, ["todo.created", "todo.completed"]);
    assert_eq!(log.holder(&claim("a")).await.expect("claims are read"), None);
}

/// Of those who saw the same version, one goes on.
pub async fn one_of_many_writes_the_next_version(log: Log) {
    let entropy = TestEntropy::seeded(3);
    let alice = somebody(&entropy);
    let (stream, _) = todo_stream(alice, &entropy);
    log.append(unit([bare::<Todo>(&stream, 0, &[todo_created(alice, "milk")])])).await.expect("it is stored");

    let outcomes =
        race(WRITERS, |n| {
            let (log, stream) = (Arc::clone(&log), stream.clone());
            async move {
                log.append(unit([bare::<Todo>(&stream, 1, &[todo_text(&format!("milk {n}"), 1)])])).await
            }
        })
        .await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let lost = outcomes.iter().filter(|outcome| matches!(outcome, Err(AppendError::Conflict))).count();
    assert_eq!(lost, WRITERS - 1, "{outcomes:?}");
    assert_eq!(names(&log, Todo::TYPE, &stream).await, ["todo.created", "todo.text_changed"]);
}

/// One stale stream, and nothing of the unit is stored.
pub async fn streams_of_a_unit_fall_together(log: Log) {
    let entropy = TestEntropy::seeded(4);
    let alice = somebody(&entropy);
    let (old, _) = todo_stream(alice, &entropy);
    let (new, _) = todo_stream(alice, &entropy);
    log.append(unit([bare::<Todo>(&old, 0, &[todo_created(alice, "old")])])).await.expect("it is stored");

    let mut fresh = bare::<Todo>(&new, 0, &[todo_created(alice, "new")]);
    fresh.takes = vec![claim("b")];
    let stale = bare::<Todo>(&old, 0, &[todo_created(alice, "again")]);
    let refused = log.append(unit([fresh, stale])).await.expect_err("one stream is stale");

    assert!(matches!(refused, AppendError::Conflict), "{refused:?}");
    assert_eq!(names(&log, Todo::TYPE, &new).await, [""; 0]);
    assert_eq!(log.holder(&claim("b")).await.expect("claims are read"), None);
}

/// All streams of a unit are stored at one place of the order.
pub async fn streams_of_a_unit_stand_together(log: Log) {
    let entropy = TestEntropy::seeded(5);
    let alice = somebody(&entropy);
    let bob = colleague(alice, &entropy);
    let (todo, _) = todo_stream(alice, &entropy);
    let tag = StreamId::within(bob.tenant, entropy.id());

    let appended = log
        .append(unit([
            bare::<Todo>(&todo, 0, &[todo_created(alice, "milk")]),
            bare::<Tag>(&tag, 0, &[tag_created(bob.tenant, "home"), TagEvent::Deleted { at: moment(1) }]),
        ]))
        .await
        .expect("both streams are new");

    assert_eq!(names(&log, Todo::TYPE, &todo).await, ["todo.created"]);
    assert_eq!(names(&log, Tag::TYPE, &tag).await, ["tag.created", "tag.deleted"]);
    let place = async |aggregate_type, stream, sequence| {
        log.cursor(aggregate_type, stream, sequence).await.expect("the event is there")
    };
    let places =
        [place(Todo::TYPE, &todo, 1).await, place(Tag::TYPE, &tag, 1).await, place(Tag::TYPE, &tag, 2).await];
    assert!(places.is_sorted() && places.iter().all(|at| at.tx == appended.cursor.tx), "{places:?}");
    assert_eq!(places[2], appended.cursor);
}

/// Nothing is lost or turned around on the way.
pub async fn what_was_appended_is_read_back_in_order(log: Log) {
    let entropy = TestEntropy::seeded(6);
    let alice = somebody(&entropy);
    let (stream, _) = todo_stream(alice, &entropy);
    let mut version = 0;
    let changes = repeat_with(|| {
        version += 1;
        todo_text(&format!("milk ☕ '{version}' \\ \"\""), version)
    });
    let all: Vec<TodoEvent> = [todo_created(alice, "milk")].into_iter().chain(changes.take(6)).collect();

    let mut places = Vec::new();
    for (seen, part) in [(0, &all[..1]), (1, &all[1..3]), (3, &all[3..])] {
        let appended = log.append(unit([bare::<Todo>(&stream, seen, part)])).await.expect("each part is new");
        places.push(appended.cursor);
    }

    let read = log.events(Todo::TYPE, &stream, 0).await.expect("the stream is read");
    assert_eq!(read.len(), all.len());
    for (n, (stored, event)) in read.iter().zip(&all).enumerate() {
        assert_eq!((stored.sequence, stored.aggregate_type.as_str()), (n + 1, Todo::TYPE));
        assert_eq!(stored.aggregate_id, stream.as_str());
        assert_eq!(stored.event_type, event.event_type());
        assert_eq!(stored.event_version, event.event_version());
        assert_eq!(stored.payload, serde_json::to_value(event).expect("events are JSON"));
        assert_eq!(stored.metadata["correlation_id"], Value::from("test"));
    }
    let rest = log.events(Todo::TYPE, &stream, 5).await.expect("the stream is read");
    assert_eq!(rest, read[5..]);
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(log.cursor(Todo::TYPE, &stream, 3).await.expect("the event is there"), places[1]);
}

/// Asking for what is not there is no error.
pub async fn an_unknown_stream_is_empty(log: Log) {
    let entropy = TestEntropy::seeded(7);
    let (stream, _) = todo_stream(somebody(&entropy), &entropy);

    assert_eq!(names(&log, Todo::TYPE, &stream).await, [""; 0]);
    assert_eq!(log.cursor(Todo::TYPE, &stream, 1).await.expect("the log answers"), Cursor::default());
    assert_eq!(log.holder(&claim("unknown")).await.expect("the log answers"), None);
}

/// Aggregate types do not meet.
pub async fn the_same_id_of_another_type_is_another_stream(log: Log) {
    let entropy = TestEntropy::seeded(8);
    let alice = somebody(&entropy);
    let (stream, _) = todo_stream(alice, &entropy);
    log.append(unit([bare::<Todo>(&stream, 0, &[todo_created(alice, "milk")])])).await.expect("it is stored");

    log.append(unit([bare::<Tag>(&stream, 0, &[tag_created(alice.tenant, "home")])]))
        .await
        .expect("it is new");

    assert_eq!(names(&log, Todo::TYPE, &stream).await, ["todo.created"]);
    assert_eq!(names(&log, Tag::TYPE, &stream).await, ["tag.created"]);
}
