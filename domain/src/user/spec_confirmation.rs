//! The rules of showing the password again, and of taking a lost factor away. Refused cases first.

use chrono::Duration;
use uuid::Uuid;

use super::{
    spec_accounts::{active, asked, given, noon},
    *,
};
use crate::two_factor::{Attempt, Bound, Confirmation, Factor, Generated, Refused, Reset, TwoFactorCommand};

fn later(minutes: i64) -> Timestamp {
    noon() + Duration::minutes(minutes)
}

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

fn signed_in(n: u128) -> UserEvent {
    UserEvent::SignedIn {
        session: session(n),
        refresh: TokenHash::new("r"),
        expires_at: later(7 * 24 * 60),
        place: None,
        strange: false,
        at: noon(),
    }
}

fn history() -> Vec<UserEvent> {
    let mut events = active();
    events.extend([signed_in(1), signed_in(2)]);
    events
}

fn with_factor() -> Vec<UserEvent> {
    let mut events = history();
    events.push(UserEvent::TwoFactorGenerated(Generated { secret: Sealed::new("s"), at: noon() }));
    let factor = Factor::Code { step: 10 };
    events.push(UserEvent::TwoFactorBound(Bound { factor, recovery: Vec::new(), at: noon() }));
    events
}

fn confirm(n: u128, checked: &str, steps: Option<&[i64]>, at: Timestamp) -> Issued<UserCommand> {
    let attempt = steps.map(|steps| Attempt {
        secret: Sealed::new("s"),
        steps: steps.to_vec(),
        recovery: TokenHash::new("no such code"),
        bypass: false,
    });
    let shown = Confirmation { session: session(n), checked: Sealed::new(checked), attempt };
    Issued { at, ..asked(UserCommand::Confirm(shown)) }
}

fn confirmed(n: u128, factor: Option<Factor>, at: Timestamp) -> UserEvent {
    UserEvent::SessionConfirmed { session: session(n), factor, at }
}

fn reset() -> Issued<UserCommand> {
    asked(UserCommand::TwoFactor(TwoFactorCommand::Reset { grounds: Sealed::new("why") }))
}

fn state(events: Vec<UserEvent>) -> User {
    let mut user = User::default();
    for event in events {
        user.evolve(event);
    }
    user
}

fn confirmed_at(user: &User, n: u128) -> Timestamp {
    let sessions = &user.account().unwrap().sessions;
    sessions.iter().find(|open| open.id == session(n)).unwrap().confirmed_at
}

#[test]
fn a_session_unknown_or_ended_is_not_confirmed() {
    given(history()).when(confirm(9, "p", None, noon())).then_expect_error(UserError::InvalidCredentials);
    let late = later(7 * 24 * 60);
    given(history()).when(confirm(1, "p", None, late)).then_expect_error(UserError::InvalidCredentials);
    let mut suspended = history();
    suspended.push(UserEvent::Suspended { at: noon() });
    given(suspended).when(confirm(1, "p", None, noon())).then_expect_error(UserError::Suspended);
}

#[test]
fn a_password_that_was_replaced_meanwhile_confirms_nothing() {
    given(history()).when(confirm(1, "old", None, noon())).then_expect_error(UserError::PasswordWrong);
}

#[test]
fn where_a_second_factor_is_bound_the_password_alone_confirms_nothing() {
    given(with_factor())
        .when(confirm(1, "p", None, noon()))
        .then_expect_error(UserError::TwoFactor(TwoFactorError::CodeMissing));
    let refused = Refused { wrong: 1, locked_until: None, at: noon() };
    given(with_factor())
        .when(confirm(1, "p", Some(&[10]), noon()))
        .then_expect_events(vec![UserEvent::TwoFactorRefused(refused)]);
    let factor = Some(Factor::Code { step: 11 });
    given(with_factor()).when(confirm(1, "p", Some(&[11]), noon())).then_expect_events(vec![confirmed(
        1,
        factor,
        noon(),
    )]);
}

#[test]
fn a_confirmation_counts_for_its_own_session_and_survives_refreshing() {
    given(history()).when(confirm(1, "p", None, later(20))).then_expect_events(vec![confirmed(
        1,
        None,
        later(20),
    )]);
    let mut events = history();
    let expires_at = later(7 * 24 * 60);
    let (one, refresh) = (session(1), TokenHash::new("s"));
    let refreshed =
        |at| UserEvent::SessionRefreshed { session: one, refresh: refresh.clone(), expires_at, at };
    events.push(refreshed(later(10)));
    assert_eq!(confirmed_at(&state(events.clone()), 1), noon(), "refreshing confirms nothing");
    events.extend([confirmed(1, None, later(20)), refreshed(later(30))]);
    let user = state(events);
    assert_eq!((confirmed_at(&user, 1), confirmed_at(&user, 2)), (later(20), noon()));
}

#[test]
fn a_factor_that_is_not_there_is_not_taken_away() {
    given(vec![]).when(reset()).then_expect_error(UserError::NotFound);
    given(history()).when(reset()).then_expect_events(vec![]);
}

#[test]
fn taking_a_factor_away_ends_all_sessions() {
    let taken = UserEvent::TwoFactorReset(Reset { grounds: Sealed::new("why"), at: noon() });
    let (reason, at) = (Revocation::SecondFactorReset, noon());
    let ended = |n| UserEvent::SessionRevoked { session: session(n), reason, at };
    let events = vec![taken, ended(1), ended(2)];
    given(with_factor()).when(reset()).then_expect_events(events.clone());
    let mut suspended = with_factor();
    suspended.push(UserEvent::Suspended { at: noon() });
    given(suspended).when(reset()).then_expect_events(events.clone());
    let mut after = with_factor();
    after.extend(events);
    let user = state(after.clone());
    let account = user.account().unwrap();
    assert!(!account.two_factor.is_bound() && account.sessions.is_empty());
    given(after).when(reset()).then_expect_events(vec![]);
}
