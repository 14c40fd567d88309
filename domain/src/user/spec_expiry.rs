//! The rules of what ends by itself: sessions and mailed tokens. Refused cases first.

use chrono::Duration;
use uuid::Uuid;

use super::{
    SESSION_AGE_MAX_SECONDS, SESSIONS_MAX, SecuredToken, Session, User, UserCommand, UserError, UserEvent,
    spec_accounts::{active, given, noon},
};
use crate::{Actor, Issued, Root, Sealed, SessionId, Timestamp, TokenHash};

const WEEK: i64 = 7;

fn days(n: i64) -> Timestamp {
    noon() + Duration::days(n)
}

fn at(command: UserCommand, at: Timestamp) -> Issued<UserCommand> {
    Issued { command, by: Actor::System, at }
}

fn session(n: u128, expires_at: Timestamp) -> Session {
    let (id, refresh) = (SessionId(Uuid::from_u128(n)), TokenHash::new(format!("r{n}")));
    Session { id, refresh, expires_at, place: None }
}

fn signed_in(n: u128, at: Timestamp) -> UserEvent {
    let Session { id, refresh, expires_at, place } = session(n, at + Duration::days(WEEK));
    UserEvent::SignedIn { session: id, refresh, expires_at, place, strange: false, at }
}

fn refreshed(at: Timestamp, expires_at: Timestamp) -> UserEvent {
    let Session { id, refresh, .. } = session(1, at);
    UserEvent::SessionRefreshed { session: id, refresh, expires_at, at }
}

fn refresh(at_day: i64) -> Issued<UserCommand> {
    let session = session(1, days(at_day + WEEK));
    at(UserCommand::Refresh { shown: TokenHash::new("r1"), session }, days(at_day))
}

fn kept_alive() -> Vec<UserEvent> {
    let mut events = active();
    events.push(signed_in(1, noon()));
    events.extend([6, 12, 18, 24].map(|day| refreshed(days(day), days(day + WEEK))));
    events
}

fn state(events: &[UserEvent]) -> User {
    let mut user = User::default();
    for event in events {
        user.evolve(event.clone());
    }
    user
}

#[test]
fn a_session_ends_thirty_days_after_the_sign_in_however_often_it_is_refreshed() {
    assert_eq!(SESSION_AGE_MAX_SECONDS, 30 * 24 * 60 * 60);
    let mut late = kept_alive();
    // As a release without this rule would have written it.
    late.push(refreshed(days(29), days(36)));
    given(late).when(refresh(30)).then_expect_error(UserError::SessionInvalid);
}

#[test]
fn the_last_refresh_token_works_no_longer_than_its_session() {
    given(kept_alive()).when(refresh(29)).then_expect_events(vec![refreshed(days(29), days(30))]);
}

#[test]
fn expired_sessions_are_not_kept_and_make_room_by_themselves() {
    let mut events = active();
    events.extend((1..=SESSIONS_MAX as u128).map(|n| signed_in(n, noon())));
    let again = at(UserCommand::SignIn(session(100, days(3 * WEEK))), days(WEEK));
    let Session { id, refresh, expires_at, place } = session(100, days(3 * WEEK));
    let opened =
        UserEvent::SignedIn { session: id, refresh, expires_at, place, strange: false, at: days(WEEK) };
    given(events.clone()).when(again).then_expect_events(vec![opened.clone()]);

    events.push(opened);
    let user = state(&events);
    assert_eq!(user.account().unwrap().sessions.len(), 1);
}

fn token(name: &str) -> SecuredToken {
    SecuredToken { hash: TokenHash::new(name), token: Sealed::new(name), expires_at: days(1) }
}

fn forget(at_day: i64) -> Issued<UserCommand> {
    at(UserCommand::ForgetTokens, days(at_day))
}

fn reset_requested() -> UserEvent {
    let SecuredToken { hash, token, expires_at } = token("n");
    UserEvent::PasswordResetRequested { reset_hash: hash, reset_token: token, expires_at, at: noon() }
}

fn expired() -> Vec<UserEvent> {
    vec![UserEvent::TokensExpired { at: days(1) }]
}

fn claims_of(events: &[UserEvent]) -> usize {
    state(events).claims().len()
}

#[test]
fn tokens_that_can_still_be_used_are_kept() {
    let mut events = active();
    events.push(reset_requested());
    given(events).when(forget(0)).then_expect_events(vec![]);
    given(vec![]).when(forget(9)).then_expect_events(vec![]);
    given(active()).when(forget(9)).then_expect_events(vec![]);
}

#[test]
fn an_expired_reset_is_cleared_away_once_and_lets_go_of_its_claim() {
    let mut events = active();
    events.push(reset_requested());
    let before = claims_of(&events);
    given(events.clone()).when(forget(1)).then_expect_events(expired());
    events.extend(expired());
    assert_eq!(claims_of(&events), before - 1);
    given(events.clone()).when(forget(2)).then_expect_events(vec![]);
    let late = UserCommand::ResetPassword { token: TokenHash::new("n"), password: Sealed::new("p2") };
    given(events).when(at(late, noon())).then_expect_error(UserError::TokenInvalid);
}

#[test]
fn an_expired_verification_is_cleared_away_and_another_one_can_be_sent() {
    let mut events = vec![active().remove(0)];
    let before = claims_of(&events);
    given(events.clone()).when(forget(1)).then_expect_events(expired());
    events.extend(expired());
    assert_eq!(claims_of(&events), before - 1);
    let verify = UserCommand::VerifyEmail { token: TokenHash::new("v") };
    given(events.clone()).when(at(verify, noon())).then_expect_error(UserError::TokenInvalid);
    let again = UserCommand::RequestVerification(SecuredToken { expires_at: days(3), ..token("w") });
    given(events.clone()).when(at(again, days(2))).then_expect_events(vec![
        UserEvent::VerificationRequested {
            verification_hash: TokenHash::new("w"),
            verification_token: Sealed::new("w"),
            verification_expires_at: days(3),
            at: days(2),
        },
    ]);
    // It waits behind a suspension as well.
    let mut suspended = vec![active().remove(0), UserEvent::Suspended { at: noon() }];
    given(suspended.clone()).when(forget(1)).then_expect_events(expired());
    suspended.extend(expired());
    given(suspended).when(forget(2)).then_expect_events(vec![]);
}
