//! What keys refuse, and what they do.

use chrono::TimeDelta;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, CreateApiKey, HASH, KEYS_MAX, KeyName, Slot,
    USE_NOTED_EVERY_SECONDS,
};
use crate::{Actor, Issued, Root, TenantId, Timestamp, TokenHash, UserId, role::Permission};

const OWNER: UserId = UserId(Uuid::from_u128(2));

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

fn given<const N: usize>(events: [ApiKeyEvent; N]) -> AggregateTestExecutor<ApiKey> {
    TestFramework::with(()).given(events.into())
}

fn at(seconds: i64, command: ApiKeyCommand) -> Issued<ApiKeyCommand> {
    Issued { command, by: Actor::User(OWNER), at: after(seconds) }
}

fn key(expires_at: Option<Timestamp>) -> CreateApiKey {
    CreateApiKey {
        tenant: TenantId(Uuid::from_u128(1)),
        owner: OWNER,
        name: KeyName::try_from("ci".to_owned()).unwrap(),
        prefix: "etk_01234567".to_owned(),
        hash: TokenHash::new("hash"),
        permissions: [Permission::CreateTodo].into(),
        expires_at,
        slot: Slot::all().next().unwrap(),
    }
}

fn created(expires_at: Option<Timestamp>) -> ApiKeyEvent {
    let CreateApiKey { tenant, owner, name, prefix, hash, permissions, expires_at, slot } = key(expires_at);
    let at = after(0);
    ApiKeyEvent::Created { tenant, owner, name, prefix, hash, permissions, expires_at, slot, at }
}

fn create(expires_at: Option<Timestamp>) -> Issued<ApiKeyCommand> {
    at(0, ApiKeyCommand::Create(key(expires_at)))
}

fn revoke(by: UserId) -> Issued<ApiKeyCommand> {
    at(9, ApiKeyCommand::Revoke { by })
}

fn revoked() -> ApiKeyEvent {
    ApiKeyEvent::Revoked { at: after(9) }
}

fn note_use(seconds: i64) -> Issued<ApiKeyCommand> {
    at(seconds, ApiKeyCommand::NoteUse)
}

#[test]
fn a_key_that_would_open_nothing_is_not_made() {
    given([]).when(create(Some(after(0)))).then_expect_error(ApiKeyError::ExpiryPast);
    given([created(None)]).when(create(None)).then_expect_error(ApiKeyError::AlreadyCreated);
    given([created(None), revoked()]).when(create(None)).then_expect_error(ApiKeyError::AlreadyCreated);
}

#[test]
fn only_its_owner_revokes_a_key() {
    given([]).when(revoke(OWNER)).then_expect_error(ApiKeyError::NotFound);
    let stranger = UserId(Uuid::from_u128(3));
    given([created(None)]).when(revoke(stranger)).then_expect_error(ApiKeyError::NotFound);
    given([created(None), revoked()]).when(revoke(stranger)).then_expect_error(ApiKeyError::NotFound);
}

#[test]
fn a_key_is_made_and_revoked() {
    given([]).when(create(Some(after(1)))).then_expect_events(vec![created(Some(after(1)))]);
    given([created(None)]).when(revoke(OWNER)).then_expect_events(vec![revoked()]);
    given([created(None), revoked()]).when(revoke(OWNER)).then_expect_events(vec![]);
}

#[test]
fn a_use_is_noted_once_an_hour_while_the_key_opens() {
    let hour = USE_NOTED_EVERY_SECONDS;
    let used = |seconds| ApiKeyEvent::Used { at: after(seconds) };
    given([created(None)]).when(note_use(1)).then_expect_events(vec![used(1)]);
    given([created(None), used(1)]).when(note_use(hour)).then_expect_events(vec![]);
    given([created(None), used(1)]).when(note_use(hour + 1)).then_expect_events(vec![used(hour + 1)]);
    given([created(None), revoked()]).when(note_use(10)).then_expect_events(vec![]);
    given([created(Some(after(5)))]).when(note_use(5)).then_expect_events(vec![]);
    given([]).when(note_use(1)).then_expect_events(vec![]);
}

#[test]
fn a_key_opens_until_it_expires() {
    let mut state = ApiKey::default();
    state.evolve(created(Some(after(5))));
    let opens = |seconds| state.live().unwrap().opens(after(seconds));
    assert!(opens(4) && !opens(5));
}

#[test]
fn a_key_is_found_by_its_hash_and_takes_a_place_until_it_is_revoked() {
    let mut state = ApiKey::default();
    assert_eq!(state.claims(), []);
    state.evolve(created(None));
    let scopes: Vec<&str> = state.claims().iter().map(|claim| claim.scope).collect();
    assert_eq!(scopes, [HASH, "api_key.slot"]);
    state.evolve(revoked());
    assert_eq!(state.claims(), []);
    assert_eq!(Slot::all().count(), usize::from(KEYS_MAX));
}

#[test]
fn a_name_is_read_by_people() {
    for wrong in ["", "  ", "a\nb", &"x".repeat(51)] {
        assert_eq!(KeyName::try_from(wrong.to_owned()), Err(ApiKeyError::NameMalformed), "{wrong:?}");
    }
    assert_eq!(KeyName::try_from(" ci ".to_owned()).unwrap().as_str(), "ci");
}
