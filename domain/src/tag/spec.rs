//! The rules of a tag, refused cases first.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::Actor;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn given<const N: usize>(events: [TagEvent; N]) -> AggregateTestExecutor<Tag> {
    TestFramework::with(()).given(events.into())
}

fn asked(command: TagCommand) -> Issued<TagCommand> {
    Issued { command, by: Actor::System, at: noon() }
}

fn name(text: &str) -> TagName {
    text.to_owned().try_into().unwrap()
}

fn slug(text: &str) -> Slug {
    text.to_owned().try_into().unwrap()
}

fn create(text: &str, slug: Option<Slug>) -> Issued<TagCommand> {
    asked(TagCommand::Create(CreateTag { tenant: TENANT, name: name(text), slug, colour: Colour::default() }))
}

fn created(text: &str, slug_text: &str) -> TagEvent {
    TagEvent::Created {
        tenant: TENANT,
        name: name(text),
        slug: slug(slug_text),
        colour: Colour::default(),
        at: noon(),
    }
}

#[test]
fn a_name_without_letters_needs_a_slug() {
    given([]).when(create("☀☀", None)).then_expect_error(TagError::SlugNotDerivable);
}

#[test]
fn a_tag_cannot_be_created_twice() {
    given([created("Home", "home")]).when(create("Home", None)).then_expect_error(TagError::AlreadyCreated);
}

#[test]
fn a_tag_never_made_or_gone_cannot_be_updated() {
    let update = || asked(TagCommand::Update(UpdateTag { name: Some(name("x")), ..UpdateTag::default() }));
    given([]).when(update()).then_expect_error(TagError::NotFound);
    given([created("Home", "home"), TagEvent::Deleted { at: noon() }])
        .when(update())
        .then_expect_error(TagError::NotFound);
}

#[test]
fn the_slug_comes_from_the_name_when_absent() {
    given([]).when(create("Work & Home", None)).then_expect_events(vec![created("Work & Home", "work-home")]);
    given([]).when(create("Work", Some(slug("w-1")))).then_expect_events(vec![created("Work", "w-1")]);
}

#[test]
fn updating_to_what_it_is_changes_nothing() {
    let same =
        UpdateTag { name: Some(name("Home")), slug: Some(slug("home")), colour: Some(Colour::default()) };
    given([created("Home", "home")]).when(asked(TagCommand::Update(same))).then_expect_events(vec![]);
}

#[test]
fn deleting_twice_changes_nothing() {
    given([created("Home", "home"), TagEvent::Deleted { at: noon() }])
        .when(asked(TagCommand::Delete))
        .then_expect_events(vec![]);
}

#[test]
fn a_live_tag_holds_its_slug_and_a_deleted_one_lets_it_go() {
    let mut tag = Tag::default();
    assert!(tag.claims().is_empty());
    tag.evolve(created("Home", "home"));
    assert_eq!(tag.claims(), [Claim::new("tag.slug", format!("{TENANT}/home"))]);
    tag.evolve(TagEvent::Deleted { at: noon() });
    assert!(tag.claims().is_empty());
}

#[test]
fn malformed_values_are_refused() {
    for bad in ["", "-a", "a-", "a--b", "A", "ä", "a b"] {
        assert_eq!(Slug::try_from(bad.to_owned()), Err(TagError::SlugMalformed), "{bad:?}");
    }
    for bad in ["", "6366f1", "#6366f", "#6366fg", "#6366f11"] {
        assert_eq!(Colour::try_from(bad.to_owned()), Err(TagError::ColourMalformed), "{bad:?}");
    }
    assert_eq!(TagName::try_from("  ".to_owned()), Err(TagError::NameBlank));
    assert_eq!(TagName::try_from("a\0".to_owned()), Err(TagError::NameUnprintable));
    assert_eq!(TagName::try_from("x".repeat(51)), Err(TagError::NameTooLong { chars: 51 }));
}
