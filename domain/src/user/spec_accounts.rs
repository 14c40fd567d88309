//! The rules of accounts: mails, passwords, sessions, suspension, invitations. Refused cases first.

use chrono::Duration;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::Actor;

pub(super) fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn later(minutes: i64) -> Timestamp {
    noon() + Duration::minutes(minutes)
}

pub(super) fn given(events: Vec<UserEvent>) -> AggregateTestExecutor<User> {
    TestFramework::with(()).given(events)
}

fn at(command: UserCommand, at: Timestamp) -> Issued<UserCommand> {
    Issued { command, by: Actor::System, at }
}

pub(super) fn asked(command: UserCommand) -> Issued<UserCommand> {
    at(command, noon())
}

fn state(events: Vec<UserEvent>) -> User {
    let mut user = User::default();
    for event in events {
        user.evolve(event);
    }
    user
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
        verification_expires_at: later(24 * 60),
        at: noon(),
    }
}

pub(super) fn active() -> Vec<UserEvent> {
    vec![registered(), UserEvent::EmailVerified { at: noon() }]
}

fn with_sessions() -> Vec<UserEvent> {
    let mut events = active();
    events.extend([1, 2].map(|n| UserEvent::SignedIn {
        session: session(n),
        refresh: TokenHash::new("r"),
        expires_at: later(7 * 24 * 60),
        place: None,
        strange: false,
        at: noon(),
    }));
    events
}

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

fn revoked(n: u128, reason: Revocation, at: Timestamp) -> UserEvent {
    UserEvent::SessionRevoked { session: session(n), reason, at }
}

fn token(name: &str, minutes: i64) -> SecuredToken {
    SecuredToken { hash: TokenHash::new(name), token: Sealed::new(name), expires_at: later(minutes) }
}

fn verification_requested(name: &str, at: Timestamp) -> UserEvent {
    UserEvent::VerificationRequested {
        verification_hash: TokenHash::new(name),
        verification_token: Sealed::new(name),
        verification_expires_at: later(60),
        at,
    }
}

fn reset_requested(name: &str, at: Timestamp) -> UserEvent {
    UserEvent::PasswordResetRequested {
        reset_hash: TokenHash::new(name),
        reset_token: Sealed::new(name),
        expires_at: later(60),
        at,
    }
}

fn reset(name: &str) -> UserCommand {
    UserCommand::ResetPassword { token: TokenHash::new(name), password: Sealed::new("p2") }
}

fn changed(reason: PasswordChange, at: Timestamp) -> UserEvent {
    UserEvent::PasswordChanged { password: Sealed::new("p2"), reason, at }
}

fn suspended() -> UserEvent {
    UserEvent::Suspended { at: noon() }
}

fn invited(name: &str) -> UserEvent {
    UserEvent::Invited {
        tenant: TenantId(Uuid::from_u128(1)),
        by: Some(UserId(Uuid::from_u128(9))),
        fullname: Sealed::new("f"),
        email: Sealed::new("e"),
        email_index: BlindIndex::new("ei"),
        roles: vec![crate::role::SystemRole::Member.into()],
        invitation_hash: TokenHash::new(name),
        invitation_token: Sealed::new(name),
        invitation_expires_at: later(60),
        at: noon(),
    }
}

fn invite(name: &str) -> UserCommand {
    UserCommand::Invite(Box::new(Invite {
        tenant: TenantId(Uuid::from_u128(1)),
        by: Some(UserId(Uuid::from_u128(9))),
        fullname: Sealed::new("f"),
        email: Sealed::new("e"),
        email_index: BlindIndex::new("ei"),
        roles: vec![crate::role::SystemRole::Member.into()],
        invitation: token(name, 60),
    }))
}

fn accept(name: &str) -> UserCommand {
    UserCommand::AcceptInvitation(Box::new(Acceptance {
        token: TokenHash::new(name),
        fullname: None,
        username: Sealed::new("u"),
        username_index: BlindIndex::new("ui"),
        password: Sealed::new("p"),
        referral_code: "REF-0A1B2C".to_owned(),
    }))
}

fn accepted() -> UserEvent {
    UserEvent::InvitationAccepted {
        fullname: Sealed::new("f"),
        username: Sealed::new("u"),
        username_index: BlindIndex::new("ui"),
        password: Sealed::new("p"),
        referral_code: "REF-0A1B2C".to_owned(),
        at: noon(),
    }
}

#[test]
fn nobody_has_nothing_to_change() {
    for command in [
        UserCommand::RequestVerification(token("n", 60)),
        UserCommand::RequestReset(token("n", 60)),
        UserCommand::ChangePassword { checked: Sealed::new("p"), password: Sealed::new("p2") },
        UserCommand::UpdateProfile(ProfileChange::default()),
        UserCommand::EndSession(session(1)),
        UserCommand::EndSessions,
        UserCommand::Suspend,
        UserCommand::Reinstate,
    ] {
        given(vec![]).when(asked(command)).then_expect_error(UserError::NotFound);
    }
}

#[test]
fn a_verification_that_was_asked_for_again_replaces_the_first() {
    given(vec![registered()])
        .when(asked(UserCommand::RequestVerification(token("n", 60))))
        .then_expect_events(vec![verification_requested("n", noon())]);
    let history = || vec![registered(), verification_requested("n", noon())];
    let verify = |name| asked(UserCommand::VerifyEmail { token: TokenHash::new(name) });
    given(history()).when(verify("v")).then_expect_error(UserError::TokenInvalid);
    given(history()).when(verify("n")).then_expect_events(vec![UserEvent::EmailVerified { at: noon() }]);
}

#[test]
fn whoever_is_verified_gets_no_verification() {
    given(active()).when(asked(UserCommand::RequestVerification(token("n", 60)))).then_expect_events(vec![]);
}

#[test]
fn strangers_cannot_fill_a_mailbox() {
    let five = |event: fn(&str, Timestamp) -> UserEvent, first: Vec<UserEvent>| {
        first.into_iter().chain((0..5).map(move |n| event("x", later(n)))).collect::<Vec<_>>()
    };
    let verification = || five(verification_requested, vec![registered()]);
    let ask = || UserCommand::RequestVerification(token("n", 60));
    given(verification()).when(at(ask(), later(59))).then_expect_events(vec![]);
    given(verification())
        .when(at(ask(), later(60)))
        .then_expect_events(vec![verification_requested("n", later(60))]);
    let ask = || UserCommand::RequestReset(token("n", 60));
    given(five(reset_requested, active())).when(at(ask(), later(59))).then_expect_events(vec![]);
}

#[test]
fn a_wrong_used_replaced_or_late_reset_is_refused() {
    let refused = |events, command, when| {
        given(events).when(at(command, when)).then_expect_error(UserError::TokenInvalid);
    };
    let requested = |names: &[&str]| {
        active().into_iter().chain(names.iter().map(|name| reset_requested(name, noon()))).collect::<Vec<_>>()
    };
    refused(vec![], reset("t"), noon());
    refused(active(), reset("t"), noon());
    refused(requested(&["t"]), reset("x"), noon());
    refused(requested(&["t"]), reset("t"), later(60));
    refused(requested(&["t", "n"]), reset("t"), noon());
    let mut used = requested(&["t"]);
    used.push(changed(PasswordChange::Reset, noon()));
    refused(used, reset("t"), noon());
    let mut out = requested(&["t"]);
    out.push(suspended());
    refused(out, reset("t"), noon());
}

#[test]
fn a_reset_password_ends_all_sessions() {
    let mut history = with_sessions();
    history.push(reset_requested("t", noon()));
    given(history).when(at(reset("t"), later(59))).then_expect_events(vec![
        changed(PasswordChange::Reset, later(59)),
        revoked(1, Revocation::PasswordChanged, later(59)),
        revoked(2, Revocation::PasswordChanged, later(59)),
    ]);
}

#[test]
fn a_password_is_changed_only_from_the_one_that_was_checked() {
    let change = |checked: &str| {
        asked(UserCommand::ChangePassword { checked: Sealed::new(checked), password: Sealed::new("p2") })
    };
    given(with_sessions()).when(change("older")).then_expect_error(UserError::CurrentPasswordWrong);
    given(with_sessions()).when(change("p")).then_expect_events(vec![
        changed(PasswordChange::Change, noon()),
        revoked(1, Revocation::PasswordChanged, noon()),
        revoked(2, Revocation::PasswordChanged, noon()),
    ]);
    let mut reset_open = active();
    reset_open.extend([reset_requested("t", noon()), changed(PasswordChange::Change, noon())]);
    given(reset_open).when(asked(reset("t"))).then_expect_error(UserError::TokenInvalid);
}

#[test]
fn a_profile_changes_in_what_is_new_only() {
    let change = |fullname: &str, index: &str| {
        asked(UserCommand::UpdateProfile(ProfileChange {
            fullname: Some(Sealed::new(fullname)),
            username: Some((Sealed::new("u2"), BlindIndex::new(index))),
        }))
    };
    given(active()).when(change("f", "ui")).then_expect_events(vec![]);
    given(active()).when(change("f2", "ui2")).then_expect_events(vec![
        UserEvent::Renamed { fullname: Sealed::new("f2"), at: noon() },
        UserEvent::UsernameChanged {
            username: Sealed::new("u2"),
            username_index: BlindIndex::new("ui2"),
            at: noon(),
        },
    ]);
    given(vec![registered()]).when(change("f2", "ui2")).then_expect_error(UserError::NotVerified);
}

#[test]
fn logging_out_ends_the_session_and_twice_is_no_error() {
    given(with_sessions())
        .when(asked(UserCommand::EndSession(session(2))))
        .then_expect_events(vec![revoked(2, Revocation::LoggedOut, noon())]);
    given(with_sessions()).when(asked(UserCommand::EndSession(session(3)))).then_expect_events(vec![]);
    given(with_sessions()).when(asked(UserCommand::EndSessions)).then_expect_events(vec![
        revoked(1, Revocation::LoggedOut, noon()),
        revoked(2, Revocation::LoggedOut, noon()),
    ]);
}

#[test]
fn a_suspended_person_is_out_until_reinstated() {
    given(with_sessions()).when(asked(UserCommand::Suspend)).then_expect_events(vec![
        suspended(),
        revoked(1, Revocation::Suspended, noon()),
        revoked(2, Revocation::Suspended, noon()),
    ]);
    let out = || active().into_iter().chain([suspended()]).collect::<Vec<_>>();
    let sign_in = || {
        asked(UserCommand::SignIn(Session {
            id: session(3),
            refresh: TokenHash::new("r"),
            expires_at: later(60),
            place: None,
        }))
    };
    given(out()).when(sign_in()).then_expect_error(UserError::Suspended);
    given(out()).when(asked(UserCommand::Suspend)).then_expect_events(vec![]);
    given(out()).when(asked(UserCommand::RequestReset(token("t", 60)))).then_expect_events(vec![]);
    given(out())
        .when(asked(UserCommand::Reinstate))
        .then_expect_events(vec![UserEvent::Reinstated { at: noon() }]);
    given(active()).when(asked(UserCommand::Reinstate)).then_expect_events(vec![]);
    let back = out().into_iter().chain([UserEvent::Reinstated { at: noon() }]).collect();
    assert_eq!(state(back).account().unwrap().standing, Standing::Active);
}

#[test]
fn a_person_suspended_before_verifying_is_reinstated_to_verify() {
    let history = || vec![registered(), suspended()];
    let verify = || asked(UserCommand::VerifyEmail { token: TokenHash::new("v") });
    given(history()).when(verify()).then_expect_error(UserError::TokenInvalid);
    let back = history().into_iter().chain([UserEvent::Reinstated { at: noon() }]).collect();
    given(back).when(verify()).then_expect_events(vec![UserEvent::EmailVerified { at: noon() }]);
}

#[test]
fn an_invitation_wrong_used_withdrawn_replaced_or_late_is_refused() {
    let refused = |events, name: &str, when| {
        given(events).when(at(accept(name), when)).then_expect_error(UserError::TokenInvalid);
    };
    refused(vec![], "t", noon());
    refused(active(), "t", noon());
    refused(vec![invited("t")], "x", noon());
    refused(vec![invited("t")], "t", later(60));
    refused(vec![invited("t"), invited("n")], "t", noon());
    refused(vec![invited("t"), suspended()], "t", noon());
    refused(vec![invited("t"), accepted()], "t", noon());
}

#[test]
fn an_invited_person_becomes_an_active_user() {
    given(vec![invited("t")]).when(asked(accept("t"))).then_expect_events(vec![accepted()]);
    let user = state(vec![invited("t"), accepted()]);
    let account = user.account().unwrap();
    assert_eq!(
        (&account.standing, &account.roles),
        (&Standing::Active, &vec![crate::role::SystemRole::Member.into()])
    );
}

#[test]
fn an_invitation_is_sent_anew_until_it_is_followed() {
    given(vec![invited("t")]).when(asked(invite("n"))).then_expect_events(vec![invited("n")]);
    given(vec![invited("t"), suspended()]).when(asked(invite("n"))).then_expect_events(vec![invited("n")]);
    given(vec![invited("t"), accepted()]).when(asked(invite("n"))).then_expect_error(UserError::EmailTaken);
    given(vec![invited("t"); 5]).when(asked(invite("n"))).then_expect_error(UserError::AlreadyInvited);
}

#[test]
fn a_withdrawn_invitation_is_not_reinstated() {
    given(vec![invited("t")]).when(asked(UserCommand::Suspend)).then_expect_events(vec![suspended()]);
    given(vec![invited("t"), suspended()]).when(asked(UserCommand::Suspend)).then_expect_events(vec![]);
    given(vec![invited("t"), suspended()])
        .when(asked(UserCommand::Reinstate))
        .then_expect_error(UserError::NotAccepted);
}

#[test]
fn an_invitation_keeps_nobody_from_registering() {
    let scopes = |events| state(events).claims().into_iter().map(|claim| claim.scope).collect::<Vec<_>>();
    assert_eq!(scopes(vec![invited("t")]), [INVITEE, INVITATION]);
    assert_eq!(scopes(vec![invited("t"), suspended()]), [INVITEE]);
    assert_eq!(scopes(vec![invited("t"), accepted()]), [EMAIL, USERNAME, REFERRAL]);
    assert_eq!(scopes(vec![registered()]), [EMAIL, USERNAME, REFERRAL, VERIFICATION]);
    assert_eq!(scopes(vec![registered(), suspended()]), [EMAIL, USERNAME, REFERRAL, VERIFICATION]);
}

#[test]
fn a_newcomer_remembers_who_brought_them() {
    let referred = UserEvent::Referred {
        referrer_tenant: TenantId(Uuid::from_u128(7)),
        referrer: UserId(Uuid::from_u128(8)),
        at: noon(),
    };
    let user = state(vec![registered(), referred]);
    assert_eq!(user.account().unwrap().referrer, Some(UserId(Uuid::from_u128(8))));
}
