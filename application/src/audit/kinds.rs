//! The aggregate types there are, and how the state of each is folded from its events.

use cqrs_es::Aggregate;
use domain::{
    Root,
    act::Act,
    api_key::ApiKey,
    operator::{Operator, Roster},
    role::Role,
    tag::Tag,
    tenant::Tenant,
    todo::Todo,
    user::User,
};
use thiserror::Error;

use super::fold::{Fold, Folding};
use crate::{Code, Refusal, ports::Snapshot};

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
    begin: fn() -> Box<dyn Folding>,
    go_on: fn(Snapshot) -> Option<Box<dyn Folding>>,
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

    /// Before the first event.
    pub(super) fn begin(&self) -> Box<dyn Folding> {
        (self.begin)()
    }

    /// From a state that was kept, when it has the shape of this release.
    pub(super) fn go_on(&self, from: Snapshot) -> Option<Box<dyn Folding>> {
        (self.go_on)(from)
    }
}

const fn kind<A: Root>() -> Kind {
    Kind {
        name: <A as Aggregate>::TYPE,
        begin: || Box::new(Fold::<A>::default()),
        go_on: |from| Some(Box::new(Fold::<A>::of(from)?)),
    }
}

fn names() -> String {
    KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
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
}
