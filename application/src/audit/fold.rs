//! States folded from stored events, a piece of a stream at a time.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use domain::{Root, upcast, upcasters};
use serde_json::{Map, Value};

use crate::{BoxError, ports::Snapshot};

/// A state of any type on its way through its stream.
pub(super) trait Folding: Send {
    /// Takes the next events; old shapes are read like everywhere.
    fn add(&mut self, events: Vec<SerializedEvent>) -> Result<(), BoxError>;
    /// The version it has come to.
    fn version(&self) -> i64;
    /// The state it has come to.
    fn state(&self) -> Result<Value, BoxError>;
}

/// The state of one type.
pub(super) struct Fold<A> {
    steps: Vec<Box<dyn EventUpcaster>>,
    state: A,
    version: i64,
}

impl<A: Root> Default for Fold<A> {
    fn default() -> Self {
        Self { steps: upcasters(), state: A::default(), version: 0 }
    }
}

impl<A: Root> Fold<A> {
    /// From a state that was kept. One of another shape is as good as none.
    pub(super) fn of(kept: Snapshot) -> Option<Self> {
        if kept.schema != A::SNAPSHOT_SCHEMA {
            return None;
        }
        let state = serde_json::from_value(kept.payload).ok()?;
        Some(Self { steps: upcasters(), state, version: kept.sequence })
    }
}

impl<A: Root> Folding for Fold<A> {
    fn add(&mut self, events: Vec<SerializedEvent>) -> Result<(), BoxError> {
        for stored in events {
            let sequence = i64::try_from(stored.sequence)?;
            if sequence != self.version + 1 {
                let (of, before) = (&stored.aggregate_id, self.version);
                return Err(format!("{} {of} has a hole after {before}", A::TYPE).into());
            }
            self.state.evolve(serde_json::from_value(upcast(&self.steps, stored).payload)?);
            self.version = sequence;
        }
        Ok(())
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn state(&self) -> Result<Value, BoxError> {
        Ok(flat(serde_json::to_value(&self.state)?))
    }
}

/// `{"Written": {"text": …}}` as `{"state": "Written", "text": …}`: all states of a thing then have
/// the same paths.
fn flat(state: Value) -> Value {
    let named = |name: String, fields: Map<String, Value>| {
        let mut all = Map::from_iter([("state".to_owned(), Value::String(name))]);
        all.extend(fields);
        Value::Object(all)
    };
    match state {
        Value::String(name) => named(name, Map::new()),
        Value::Object(fields) if fields.len() == 1 => match fields.into_iter().next() {
            Some((name, Value::Object(inner))) => named(name, inner),
            Some((name, other)) => Value::Object(Map::from_iter([(name, other)])),
            None => Value::Null,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use domain::todo::Todo;
    use serde_json::json;

    use super::*;

    fn completed(sequence: usize) -> SerializedEvent {
        SerializedEvent {
            aggregate_id: "a".to_owned(),
            sequence,
            aggregate_type: "todo".to_owned(),
            event_type: "todo.completed".to_owned(),
            event_version: "1".to_owned(),
            payload: json!({"type": "todo.completed", "at": "2023-11-14T22:13:20Z"}),
            metadata: Value::Null,
        }
    }

    #[test]
    fn a_state_is_flat_and_named() {
        let written = serde_json::json!({"Written": {"text": "milk"}});
        assert_eq!(flat(written), serde_json::json!({"state": "Written", "text": "milk"}));
        assert_eq!(flat("Unwritten".into()), serde_json::json!({"state": "Unwritten"}));
        let tagged = serde_json::json!({"state": "undone"});
        assert_eq!(flat(tagged.clone()), tagged);
    }

    #[test]
    fn a_hole_in_a_stream_is_no_state() {
        let mut fold = Fold::<Todo>::default();
        assert!(fold.add(vec![completed(2)]).is_err());
        assert!(fold.add(vec![completed(1), completed(3)]).is_err());
    }

    #[test]
    fn pieces_follow_each_other_and_a_kept_state_goes_on_where_it_was_kept() {
        let mut whole = Fold::<Todo>::default();
        whole.add(vec![completed(1)]).unwrap();
        whole.add(vec![completed(2)]).unwrap();
        assert_eq!(whole.version(), 2);

        let kept = |schema| Snapshot {
            sequence: 7,
            schema,
            payload: serde_json::to_value(Todo::default()).unwrap(),
        };
        let mut later = Fold::<Todo>::of(kept(Todo::SNAPSHOT_SCHEMA)).unwrap();
        assert!(later.add(vec![completed(7)]).is_err(), "it is in there already");
        later.add(vec![completed(8)]).unwrap();
        assert_eq!(later.version(), 8);
        assert!(Fold::<Todo>::of(kept(Todo::SNAPSHOT_SCHEMA + 1)).is_none(), "of another release");
    }
}
