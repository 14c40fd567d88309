//! `golden/<stored name>.v<version>.json`: written once by this test, committed, never edited.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use cqrs_es::{DomainEvent, persist::SerializedEvent};
use domain::{tag::{Colour, TagEvent}, upcast, upcasters};
use serde_json::Value;

use crate::examples::{self, at};

/// Files of shapes that no release writes any more. They are read for ever.
const OLD: [&str; 1] = ["tag.created.v1"];

#[test]
fn stored_names_are_for_ever() {
    let mut names: Vec<&str> = examples::todo().iter().map(|(name, _)| *name).collect();
    names.extend(examples::tag().iter().map(|(name, _)| name));
    names.extend(examples::tenant().iter().map(|(name, _)| name));
    names.extend(examples::user().iter().map(|(name, _)| name));
    names.extend(examples::operator().iter().map(|(name, _)| name));
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two events of one name");
    assert_eq!(names.join(" "), PINNED);
}

const PINNED: &str = "todo.created todo.text_changed todo.prioritised todo.rescheduled todo.assigned todo.tagged \
     todo.untagged todo.completed todo.reopened todo.archived todo.deleted \
     tag.created tag.renamed tag.slug_changed tag.recoloured tag.deleted \
     tenant.created \
     user.registered user.email_verified user.signed_in user.session_refreshed user.session_revoked \
     operator.created operator.signed_in";

macro_rules! goldens {
    ($($aggregate:ident,)*) => {
        $(#[test]
        fn $aggregate() {
            for (name, event) in examples::$aggregate() {
                check(name, &event);
            }
        })*

        #[test]
        fn every_golden_file_is_of_an_event() {
            let mut known: BTreeSet<String> = OLD.iter().map(|old| (*old).to_owned()).collect();
            $(known.extend(examples::$aggregate().iter().map(|(name, event)| stem(name, &event.event_version())));)*
            let found: BTreeSet<String> = files().into_iter().collect();
            let orphans: Vec<&String> = found.difference(&known).collect();
            assert!(orphans.is_empty(), "golden files of no event: {orphans:?}");
        }
    };
}

/// Stored shapes: each test is called like its aggregate.
mod the_stored_shape_is_pinned_of {
    use super::*;

    goldens! { todo, tag, tenant, user, operator, }
}

/// The real old version there is: a tag before tags had colours.
#[test]
fn a_tag_from_before_colours_has_the_default_one() {
    let stored = read(&path("tag.created.v1")).expect("golden/tag.created.v1.json is committed");
    assert!(stored.get("colour").is_none(), "version 1 knew no colour");

    let event: TagEvent = decode("tag.created", "1", stored);

    let TagEvent::Created { colour, name, at: when, .. } = event else { panic!("another event") };
    assert_eq!((colour, name.as_str(), when), (Colour::default(), "At home", at(0)));
}

#[test]
fn every_old_shape_is_one_that_was_replaced() {
    let versions: Vec<(&str, String)> =
        examples::tag().iter().map(|(name, event)| (*name, event.event_version())).collect();
    for old in OLD {
        let (name, version) = old.rsplit_once(".v").unwrap();
        let (_, current) = versions.iter().find(|(known, _)| *known == name).expect("its event exists");
        assert!(version.parse::<u32>().unwrap() < current.parse().unwrap(), "{old} is not old");
        assert!(
            upcasters().iter().any(|step| step.can_upcast(name, version)),
            "no step brings {old} to version {current}"
        );
        assert!(files().contains(&old.to_owned()), "golden/{old}.json is gone");
    }
}

fn check<E>(name: &str, event: &E)
where
    E: DomainEvent + Debug,
{
    assert_eq!(event.event_type(), name);
    let shape = serde_json::to_value(event).unwrap();
    assert_eq!(shape["type"], name, "the tag inside and the name outside are one");
    let path = path(&stem(name, &event.event_version()));
    let Some(stored) = read(&path) else {
        let text = format!("{}\n", serde_json::to_string_pretty(&shape).unwrap());
        fs::write(&path, text).unwrap();
        panic!("{} was written: look at it and commit it", path.display());
    };
    assert_eq!(stored, shape, "{name} is stored otherwise than before: raise its version and add a step");
    assert_eq!(decode::<E>(name, &event.event_version(), stored), *event);
}

/// Decodes as every reader does: through the steps.
fn decode<E: DomainEvent>(name: &str, version: &str, payload: Value) -> E {
    let stored = SerializedEvent {
        aggregate_id: "id".to_owned(),
        sequence: 1,
        aggregate_type: "type".to_owned(),
        event_type: name.to_owned(),
        event_version: version.to_owned(),
        payload,
        metadata: Value::Null,
    };
    serde_json::from_value(upcast(&upcasters(), stored).payload).unwrap()
}

fn stem(name: &str, version: &str) -> String {
    format!("{name}.v{version}")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}

fn path(stem: &str) -> PathBuf {
    folder().join(format!("{stem}.json"))
}

fn read(path: &Path) -> Option<Value> {
    fs::read_to_string(path).ok().map(|text| serde_json::from_str(&text).unwrap())
}

/// The files there are, without their ending. Anything else in the folder is wrong too.
fn files() -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| name.strip_suffix(".json").unwrap_or(&name).to_owned()).collect()
}
