//! The aggregate types there are, and how the state of each is folded from its events.

use cqrs_es::{
    Aggregate,
    persist::{EventUpcaster, SerializedEvent},
};
use domain::{
    Root,
    act::Act,
    api_key::ApiKey,
    operator::{Operator, Roster},
    role::Role,
    tag::Tag,
    tenant::Tenant,
    todo::Todo,
    upcast, upcasters,
    user::User,
};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{BoxError, Code, Refusal};

/// All aggregate types.
pub const KINDS: &[Kind] = &[
    kind::<Todo>(),
    kind::<Tag>(),
    kind::<User>(),
    kind::<Tenant>(),
    kind::<Operator>(),
    kind::<Roster>(),
    kind::<Role>(),
    kind::<ApiKey>(),
    kind::<Act>(),
];

/// An aggregate type.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its stored name.
    pub name: &'static str,
    fold: fn(Vec<SerializedEvent>) -> Result<Value, BoxError>,
}

/// There is no aggregate type of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("aggregateType must be one of {}", names())]
pub struct UnknownKind;

impl Refusal for UnknownKind {
    fn code(&self) -> Code {
        Code::ValidationFailed
    }
    fn field(&self) -> Option<&'static str> {
        Some("aggregateType")
    }
}

impl Kind {
    /// The type with a stored name.
    pub fn named(name: &str) -> Result<&'static Self, UnknownKind> {
        KINDS.iter().find(|kind| kind.name == name).ok_or(UnknownKind)
    }

    /// The state that events from the first on lead to; old shapes are read like everywhere.
    pub(super) fn state(&self, events: Vec<SerializedEvent>) -> Result<Value, BoxError> {
        (self.fold)(events).map(flat)
    }
}

const fn kind<A: Root>() -> Kind {
    Kind { name: <A as Aggregate>::TYPE, fold: fold::<A> }
}

fn names() -> String {
    KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

fn fold<A: Root>(events: Vec<SerializedEvent>) -> Result<Value, BoxError> {
    let steps: Vec<Box<dyn EventUpcaster>> = upcasters();
    let mut state = A::default();
    for (before, stored) in events.into_iter().enumerate() {
        if stored.sequence != before + 1 {
            return Err(format!("{} {} has a hole after {before}", A::TYPE, stored.aggregate_id).into());
        }
        state.evolve(serde_json::from_value(upcast(&steps, stored).payload)?);
    }
    Ok(serde_json::to_value(state)?)
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
    use std::{collections::BTreeSet, fs, path::PathBuf};

    use super::*;

    #[test]
    fn every_aggregate_with_a_stored_event_is_known() {
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../domain/tests/golden");
        let files = fs::read_dir(golden).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        let stored: BTreeSet<String> =
            files.filter_map(|file| file.split_once('.').map(|(of, _)| of.to_owned())).collect();
        let unknown: Vec<&String> = stored.iter().filter(|name| Kind::named(name).is_err()).collect();
        assert!(!stored.is_empty() && unknown.is_empty(), "add {unknown:?} to KINDS");
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
        let event = SerializedEvent {
            aggregate_id: "a".to_owned(),
            sequence: 2,
            aggregate_type: "todo".to_owned(),
            event_type: "todo.completed".to_owned(),
            event_version: "1".to_owned(),
            payload: serde_json::json!({"type": "todo.completed", "at": "2023-11-14T22:13:20Z"}),
            metadata: Value::Null,
        };
        assert!(Kind::named("todo").unwrap().state(vec![event]).is_err());
    }
}
