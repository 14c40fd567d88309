//! The rules of a user, refused cases first.

use chrono::Duration;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    Actor,
    two_factor::{Attempt, Bound, Challenged, Factor, Generated, Passed, Refused, TwoFactorCommand},
};

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn given(events: Vec<UserEvent>) -> AggregateTestExecutor<User> {
    TestFramework::with(()).given(events)
}

fn asked(command: UserCommand, at: Timestamp) -> Issued<UserCommand> {
    Issued { command, by: Actor::System, at }
}

fn registered() -> UserEvent {
    UserEvent::Registered {
        tenant: TenantId(Uuid::from_u128(1)),
        fullname: Sealed::new("f"),
        username: Sealed::new("u"),
        username_index: BlindIndex::new("ui"),
        email: Sealed::new("e"),
        email_index: BlindIndex::new("ei"),
        password: Sealed::new("p"),
        roles: vec![crate::role::SystemRole::Owner.into()],
        referral_code: "REF-0A1B2C".to_owned(),
        verification_hash: TokenHash::new("v"),
        verification_token: Sealed::new("vt"),
        verification_expires_at: noon() + Duration::hours(24),
        at: noon(),
    }
}

fn verified() -> UserEvent {
    UserEvent::EmailVerified { at: noon() }
}

fn session(n: u128, refresh: &str) -> Session {
    Session {
        id: SessionId(Uuid::from_u128(n)),
        refresh: TokenHash::new(refresh),
        expires_at: noon() + Duration::days(7),
        place: None,
    }
}

fn signed_in(n: u128, refresh: &str) -> UserEvent {
    let Session { id, refresh, expires_at, place } = session(n, refresh);
    UserEvent::SignedIn { session: id, refresh, expires_at, place, strange: false, at: noon() }
}

fn verify(token: &str, at: Timestamp) -> Issued<UserCommand> {
    asked(UserCommand::VerifyEmail { token: TokenHash::new(token) }, at)
}

fn refresh(n: u128, shown: &str, new: &str, at: Timestamp) -> Issued<UserCommand> {
    asked(UserCommand::Refresh { shown: TokenHash::new(shown), session: session(n, new) }, at)
}

#[test]
fn an_unverified_user_cannot_sign_in() {
    given(vec![registered()])
        .when(asked(UserCommand::SignIn(session(1, "r")), noon()))
        .then_expect_error(UserError::NotVerified);
}

#[test]
fn a_wrong_expired_or_used_verification_is_refused() {
    let late = noon() + Duration::hours(24);
    given(vec![]).when(verify("v", noon())).then_expect_error(UserError::TokenInvalid);
    given(vec![registered()]).when(verify("x", noon())).then_expect_error(UserError::TokenInvalid);
    given(vec![registered()]).when(verify("v", late)).then_expect_error(UserError::TokenInvalid);
    given(vec![registered(), verified()])
        .when(verify("v", noon()))
        .then_expect_error(UserError::TokenInvalid);
}

#[test]
fn the_mailed_token_verifies_once() {
    given(vec![registered()]).when(verify("v", noon())).then_expect_events(vec![verified()]);
}

#[test]
fn a_session_unknown_or_expired_cannot_be_refreshed() {
    let week = noon() + Duration::days(7);
    let history = || vec![registered(), verified(), signed_in(1, "a")];
    given(history()).when(refresh(2, "a", "b", noon())).then_expect_error(UserError::SessionInvalid);
    given(history()).when(refresh(1, "a", "b", week)).then_expect_error(UserError::SessionInvalid);
}

#[test]
fn a_refresh_token_shown_twice_ends_its_family() {
    let Session { id, refresh: hash, expires_at, .. } = session(1, "b");
    let rotated = UserEvent::SessionRefreshed { session: id, refresh: hash, expires_at, at: noon() };
    let history = vec![registered(), verified(), signed_in(1, "a"), rotated];
    let revoked = UserEvent::SessionRevoked { session: id, reason: Revocation::TokenReused, at: noon() };
    given(history).when(refresh(1, "a", "c", noon())).then_expect_events(vec![revoked]);
}

#[test]
fn the_oldest_session_goes_when_there_are_too_many() {
    let mut history = vec![registered(), verified()];
    history.extend((0..20).map(|n| signed_in(n, "r")));
    let oldest = UserEvent::SessionRevoked {
        session: SessionId(Uuid::from_u128(0)),
        reason: Revocation::TooMany,
        at: noon(),
    };
    given(history)
        .when(asked(UserCommand::SignIn(session(99, "r")), noon()))
        .then_expect_events(vec![oldest, signed_in(99, "r")]);
}

fn attempt(steps: &[i64]) -> Attempt {
    let recovery = TokenHash::new("no such code");
    Attempt { secret: Sealed::new("s"), steps: steps.to_vec(), recovery, bypass: false }
}

fn bound() -> Vec<UserEvent> {
    let generated = Generated { secret: Sealed::new("s"), at: noon() };
    let factor = Factor::Code { step: 10 };
    vec![
        registered(),
        verified(),
        UserEvent::TwoFactorGenerated(generated),
        UserEvent::TwoFactorBound(Bound { factor, recovery: Vec::new(), at: noon() }),
    ]
}

fn challenged() -> Vec<UserEvent> {
    let expires_at = noon() + Duration::minutes(5);
    let challenged = Challenged { challenge: TokenHash::new("t"), expires_at, at: noon() };
    bound().into_iter().chain([UserEvent::TwoFactorChallenged(challenged)]).collect()
}

fn second(command: TwoFactorCommand<Session>) -> Issued<UserCommand> {
    asked(UserCommand::TwoFactor(command), noon())
}

fn pass(steps: &[i64]) -> Issued<UserCommand> {
    let token = TokenHash::new("t");
    second(TwoFactorCommand::Pass { token, attempt: attempt(steps), session: session(1, "r") })
}

#[test]
fn a_password_alone_opens_no_session_where_a_second_factor_is_bound() {
    given(bound())
        .when(asked(UserCommand::SignIn(session(1, "r")), noon()))
        .then_expect_error(UserError::TwoFactor(TwoFactorError::Required));
}

#[test]
fn nobody_passes_without_an_account_or_a_token() {
    let invalid = || UserError::TwoFactor(TwoFactorError::TokenInvalid);
    given(vec![]).when(pass(&[11])).then_expect_error(UserError::NotFound);
    given(vec![registered()]).when(pass(&[11])).then_expect_error(UserError::NotVerified);
    given(bound()).when(pass(&[11])).then_expect_error(invalid());
}

#[test]
fn a_wrong_code_opens_no_session_and_is_written_down() {
    let refused = Refused { wrong: 1, locked_until: None, at: noon() };
    given(challenged()).when(pass(&[10])).then_expect_events(vec![UserEvent::TwoFactorRefused(refused)]);
}

#[test]
fn the_second_factor_opens_the_session() {
    let (challenge, factor) = (TokenHash::new("t"), Factor::Code { step: 11 });
    let passed = UserEvent::TwoFactorPassed(Passed { challenge, factor, at: noon() });
    given(challenged()).when(pass(&[11])).then_expect_events(vec![passed, signed_in(1, "r")]);
}

#[test]
fn only_somebody_registered_sets_up_a_second_factor() {
    let generate = || second(TwoFactorCommand::Generate { secret: Sealed::new("s") });
    let generated = Generated { secret: Sealed::new("s"), at: noon() };
    given(vec![]).when(generate()).then_expect_error(UserError::NotFound);
    given(vec![registered(), verified()])
        .when(generate())
        .then_expect_events(vec![UserEvent::TwoFactorGenerated(generated)]);
}

#[test]
fn values_are_normalised_or_refused() {
    assert_eq!(Username::try_from("Ada_1".to_owned()).unwrap().as_str(), "ada_1");
    assert_eq!(Email::try_from(" Ada@Example.ORG ".to_owned()).unwrap().as_str(), "ada@example.org");
    for bad in ["", "a b", "ä", "a-b"] {
        assert_eq!(Username::try_from(bad.to_owned()), Err(UserError::UsernameMalformed), "{bad:?}");
    }
    for bad in ["", "a", "a@b", "@b.c", "a@", "a b@c.d", "a@b..c", "a@-b.c", "a\r\n@b.c", "a..b@c.d"] {
        assert_eq!(Email::try_from(bad.to_owned()), Err(UserError::EmailMalformed), "{bad:?}");
    }
    for bad in ["Abcdef1", "abcdefg1", "Abcdefgh", &format!("A1{}", "x".repeat(127))] {
        assert_eq!(Password::try_from((*bad).to_owned()), Err(UserError::PasswordWeak), "{bad:?}");
    }
    for bad in ["", " ", "Ada\r\nBcc: x"] {
        assert_eq!(Fullname::try_from(bad.to_owned()), Err(UserError::FullnameMalformed), "{bad:?}");
    }
    assert_eq!(format!("{:?}", Password::try_from("Hidden7Words".to_owned()).unwrap()), "Password(…)");
}

#[test]
fn a_sign_in_that_waits_for_its_second_factor_ends_with_the_password_it_showed() {
    let (password, reason) = (Sealed::new("p2"), PasswordChange::Change);
    let changed = UserEvent::PasswordChanged { password, reason, at: noon() };
    let refused = UserError::TwoFactor(TwoFactorError::TokenInvalid);
    let history = challenged().into_iter().chain([changed]).collect();
    given(history).when(pass(&[11])).then_expect_error(refused.clone());
    let back = [UserEvent::Suspended { at: noon() }, UserEvent::Reinstated { at: noon() }];
    let history = challenged().into_iter().chain(back).collect();
    given(history).when(pass(&[11])).then_expect_error(refused);
}
