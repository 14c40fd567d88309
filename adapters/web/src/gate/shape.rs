//! The shape of variables: all that validation sees of them.
//!
//! A document that was validated once need not be validated again with other variables of the same
//! shape: validation looks at their types, at the names of their fields, and at names of enums, never
//! at a number or a text.

use std::{
    collections::HashSet,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::{Mutex, PoisonError},
};

use async_graphql::{
    Value, Variables,
    parser::types::{ServiceDocument, TypeKind, TypeSystemDefinition},
};

/// Shapes that are remembered of one document.
const SHAPES_MAX: usize = 32;

/// How shapes are told apart. The keys are random: nobody can make two that look alike.
#[derive(Default)]
pub(super) struct Shapes {
    keys: RandomState,
    /// The values of all enums: a text is one of them, or it is any text.
    names: HashSet<String>,
}

impl Shapes {
    pub(super) fn of(schema: &ServiceDocument) -> Self {
        let names = schema.definitions.iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => match &definition.node.kind {
                TypeKind::Enum(values) => Some(&values.values),
                _ => None,
            },
            _ => None,
        });
        let names = names.flatten().map(|value| value.node.value.node.to_string()).collect();
        Self { keys: RandomState::new(), names }
    }

    /// The shape of a request's variables. Which operation of a document runs decides which
    /// variables are looked at.
    pub(super) fn shape(&self, operation: Option<&str>, variables: &Variables) -> u64 {
        let mut hasher = self.keys.build_hasher();
        operation.hash(&mut hasher);
        for (name, value) in &**variables {
            name.as_str().hash(&mut hasher);
            self.value(value).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn value(&self, value: &Value) -> u64 {
        let mut hasher = self.keys.build_hasher();
        std::mem::discriminant(value).hash(&mut hasher);
        match value {
            Value::Number(number) => (number.is_i64(), number.is_u64(), number.is_f64()).hash(&mut hasher),
            Value::String(text) => self.names.get(text).hash(&mut hasher),
            Value::Enum(name) => name.as_str().hash(&mut hasher),
            Value::List(values) => {
                // However many there are, and in whatever order: each is looked at by itself.
                let mut kinds: Vec<u64> = values.iter().map(|value| self.value(value)).collect();
                kinds.sort_unstable();
                kinds.dedup();
                kinds.hash(&mut hasher);
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    name.as_str().hash(&mut hasher);
                    self.value(value).hash(&mut hasher);
                }
            }
            Value::Null | Value::Boolean(_) | Value::Binary(_) => {}
        }
        hasher.finish()
    }
}

/// The shapes of variables that a document was validated with.
#[derive(Debug, Default)]
pub(super) struct Validated(Mutex<Vec<u64>>);

impl Validated {
    pub(super) fn contains(&self, shape: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&shape)
    }

    pub(super) fn insert(&self, shape: u64) {
        let mut shapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shapes.len() < SHAPES_MAX && !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;
    use serde_json::json;

    use super::*;

    fn same(one: serde_json::Value, other: serde_json::Value) -> bool {
        let shapes = Shapes::of(&parse_schema("enum Size { SMALL LARGE } type Query { a: Size }").unwrap());
        let shape = |json| shapes.shape(None, &Variables::from_json(json));
        shape(one) == shape(other)
    }

    #[test]
    fn other_texts_and_numbers_have_the_same_shape() {
        assert!(same(json!({"a": "milk", "b": 1}), json!({"a": "eggs and ham", "b": 70_000})));
        assert!(same(json!({"a": {"b": ["x"]}}), json!({"a": {"b": ["y", "z"]}})));
        assert!(same(json!({"a": true}), json!({"a": false})));
    }

    #[test]
    fn whatever_validation_can_see_is_another_shape() {
        for (one, other) in [
            (json!({"a": "milk"}), json!({"b": "milk"})),
            (json!({"a": "milk"}), json!({"a": 1})),
            (json!({"a": "milk"}), json!({"a": null})),
            (json!({"a": "milk"}), json!({})),
            (json!({"a": 1}), json!({"a": 1.5})),
            (json!({"a": 1}), json!({"a": -1})),
            (json!({"a": 1}), json!({"a": u64::MAX})),
            (json!({"a": "SMALL"}), json!({"a": "LARGE"})),
            (json!({"a": "SMALL"}), json!({"a": "small"})),
            (json!({"a": ["x"]}), json!({"a": []})),
            (json!({"a": ["x"]}), json!({"a": ["x", 1]})),
            (json!({"a": ["x"]}), json!({"a": "x"})),
            (json!({"a": {"b": "x"}}), json!({"a": {"c": "x"}})),
            (json!({"a": {"b": "x"}}), json!({"a": {"b": "x", "c": null}})),
        ] {
            assert!(!same(one.clone(), other.clone()), "{one} {other}");
        }
    }

    #[test]
    fn another_operation_is_another_shape() {
        let (shapes, none) = (Shapes::default(), Variables::default());
        assert_ne!(shapes.shape(Some("a"), &none), shapes.shape(Some("b"), &none));
    }

    #[test]
    fn a_flood_of_shapes_takes_no_more_room_than_there_is() {
        let validated = Validated::default();
        (0..1_000).for_each(|shape| validated.insert(shape));
        assert!(validated.contains(0) && !validated.contains(999));
        assert_eq!(validated.0.lock().unwrap().len(), SHAPES_MAX);
    }
}
