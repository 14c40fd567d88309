//! The rules of operators, refused cases first.

use chrono::Duration;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    Actor, TokenHash,
    two_factor::{Attempt, Bound, Challenged, Factor, Generated, Passed, Refused, TwoFactorCommand},
};

pub(super) fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

pub(super) fn evening() -> Timestamp {
    noon() + Duration::hours(8)
}

pub(super) fn given(events: Vec<OperatorEvent>) -> AggregateTestExecutor<Operator> {
    TestFramework::with(()).given(events)
}

pub(super) fn asked<C>(command: C) -> Issued<C> {
    Issued { command, by: Actor::System, at: noon() }
}

fn create() -> Issued<OperatorCommand> {
    let sealed = Sealed::new;
    let (email_index, role) = (BlindIndex::new("ei"), OperatorRole::Support);
    let (fullname, email, password) = (sealed("f"), sealed("e"), sealed("p"));
    asked(OperatorCommand::Create { fullname, email, email_index, password, role })
}

pub(super) fn created(role: OperatorRole) -> OperatorEvent {
    let sealed = Sealed::new;
    let (fullname, email, password) = (sealed("f"), sealed("e"), sealed("p"));
    OperatorEvent::Created { fullname, email, email_index: BlindIndex::new("ei"), password, role, at: noon() }
}

pub(super) fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

pub(super) fn sign_in(n: u128) -> Issued<OperatorCommand> {
    asked(OperatorCommand::SignIn(PortalSession { id: session(n), expires_at: evening() }))
}

pub(super) fn signed_in(n: u128) -> OperatorEvent {
    OperatorEvent::SignedIn { session: session(n), expires_at: evening(), at: noon() }
}

pub(super) fn signed_out(n: u128, reason: SignOut) -> OperatorEvent {
    OperatorEvent::SignedOut { session: session(n), reason, at: noon() }
}

fn update(role: Option<OperatorRole>, active: Option<bool>) -> Issued<OperatorCommand> {
    asked(OperatorCommand::Update { fullname: None, role, active })
}

pub(super) fn deactivated() -> OperatorEvent {
    OperatorEvent::Deactivated { at: noon() }
}

pub(super) fn attempt(steps: &[i64]) -> Attempt {
    let recovery = TokenHash::new("no such code");
    Attempt { secret: Sealed::new("s"), steps: steps.to_vec(), recovery, bypass: false }
}

pub(super) fn challenged() -> Vec<OperatorEvent> {
    let (expires_at, at) = (noon() + Duration::minutes(5), noon());
    let factor = Factor::Code { step: 10 };
    vec![
        created(OperatorRole::Support),
        OperatorEvent::TwoFactorGenerated(Generated { secret: Sealed::new("s"), at }),
        OperatorEvent::TwoFactorBound(Bound { factor, recovery: Vec::new(), at }),
        OperatorEvent::TwoFactorChallenged(Challenged { challenge: TokenHash::new("t"), expires_at, at }),
    ]
}

pub(super) fn pass(steps: &[i64]) -> Issued<OperatorCommand> {
    let session = PortalSession { id: session(1), expires_at: evening() };
    let (token, attempt) = (TokenHash::new("t"), attempt(steps));
    asked(OperatorCommand::TwoFactor(TwoFactorCommand::Pass { token, attempt, session }))
}

#[test]
fn an_operator_is_made_once() {
    given(vec![created(OperatorRole::Support)])
        .when(create())
        .then_expect_error(OperatorError::AlreadyCreated);
    given(vec![]).when(create()).then_expect_events(vec![created(OperatorRole::Support)]);
}

#[test]
fn nobody_and_the_deactivated_cannot_sign_in() {
    given(vec![]).when(sign_in(1)).then_expect_error(OperatorError::InvalidCredentials);
    given(vec![created(OperatorRole::Support), deactivated()])
        .when(sign_in(1))
        .then_expect_error(OperatorError::Deactivated);
}

#[test]
fn nobody_can_be_changed() {
    given(vec![]).when(update(None, Some(false))).then_expect_error(OperatorError::NotFound);
}

#[test]
fn a_session_is_ended_once() {
    let history = || vec![created(OperatorRole::Support), signed_in(1)];
    let sign_out = |n| asked(OperatorCommand::SignOut { session: session(n) });
    given(history()).when(sign_out(2)).then_expect_events(vec![]);
    given(history()).when(sign_out(1)).then_expect_events(vec![signed_out(1, SignOut::LoggedOut)]);
}

#[test]
fn the_oldest_session_goes_when_there_are_too_many() {
    let mut history = vec![created(OperatorRole::Support)];
    history.extend((0..20).map(signed_in));
    given(history).when(sign_in(99)).then_expect_events(vec![signed_out(0, SignOut::TooMany), signed_in(99)]);
}

#[test]
fn what_holds_already_changes_nothing() {
    given(vec![created(OperatorRole::Support), signed_in(1)])
        .when(update(Some(OperatorRole::Support), Some(true)))
        .then_expect_events(vec![]);
}

#[test]
fn another_role_ends_the_sessions_whose_tokens_name_the_old_one() {
    let role = OperatorRole::Operations;
    given(vec![created(OperatorRole::Support), signed_in(1)])
        .when(update(Some(role), None))
        .then_expect_events(vec![
            OperatorEvent::RoleChanged { role, at: noon() },
            signed_out(1, SignOut::RoleChanged),
        ]);
}

#[test]
fn deactivation_ends_all_sessions_and_can_be_undone() {
    let history = || vec![created(OperatorRole::Support), signed_in(1), signed_in(2)];
    let out = |n| signed_out(n, SignOut::Deactivated);
    given(history()).when(update(None, Some(false))).then_expect_events(vec![deactivated(), out(1), out(2)]);
    let mut gone = history();
    gone.extend([deactivated(), out(1), out(2)]);
    given(gone)
        .when(update(None, Some(true)))
        .then_expect_events(vec![OperatorEvent::Reactivated { at: noon() }]);
}

#[test]
fn the_deactivated_do_not_pass_with_a_second_factor() {
    let mut history = challenged();
    history.push(deactivated());
    given(history).when(pass(&[11])).then_expect_error(OperatorError::Deactivated);
    let mut back = challenged();
    back.extend([deactivated(), OperatorEvent::Reactivated { at: noon() }]);
    given(back).when(pass(&[11])).then_expect_error(OperatorError::TwoFactor(TwoFactorError::TokenInvalid));
}

#[test]
fn a_bound_second_factor_is_needed_and_opens_the_session() {
    given(challenged())
        .when(sign_in(1))
        .then_expect_error(OperatorError::TwoFactor(TwoFactorError::Required));
    let refused = Refused { wrong: 1, locked_until: None, at: noon() };
    given(challenged()).when(pass(&[10])).then_expect_events(vec![OperatorEvent::TwoFactorRefused(refused)]);
    let (challenge, factor) = (TokenHash::new("t"), Factor::Code { step: 11 });
    let passed = OperatorEvent::TwoFactorPassed(Passed { challenge, factor, at: noon() });
    given(challenged()).when(pass(&[11])).then_expect_events(vec![passed, signed_in(1)]);
}

fn roster(events: Vec<RosterEvent>) -> AggregateTestExecutor<Roster> {
    TestFramework::with(()).given(events)
}

fn admitted(n: u128) -> RosterEvent {
    RosterEvent::Admitted { operator: OperatorId(Uuid::from_u128(n)), at: noon() }
}

fn dismiss(n: u128) -> Issued<RosterCommand> {
    asked(RosterCommand::Dismiss(OperatorId(Uuid::from_u128(n))))
}

#[test]
fn the_last_super_admin_stays() {
    roster(vec![admitted(1)]).when(dismiss(1)).then_expect_error(OperatorError::LastSuperAdmin);
    roster(vec![]).when(dismiss(1)).then_expect_error(OperatorError::LastSuperAdmin);
    let dismissed = RosterEvent::Dismissed { operator: OperatorId(Uuid::from_u128(1)), at: noon() };
    roster(vec![admitted(1), admitted(2), dismissed.clone()])
        .when(dismiss(2))
        .then_expect_error(OperatorError::LastSuperAdmin);
    roster(vec![admitted(1), admitted(2)]).when(dismiss(1)).then_expect_events(vec![dismissed]);
}

#[test]
fn the_roster_holds_each_once_and_misses_nobody_unknown() {
    let admit = asked(RosterCommand::Admit(OperatorId(Uuid::from_u128(1))));
    roster(vec![admitted(1)]).when(admit.clone()).then_expect_events(vec![]);
    roster(vec![]).when(admit).then_expect_events(vec![admitted(1)]);
    roster(vec![admitted(1)]).when(dismiss(9)).then_expect_events(vec![]);
}

#[test]
fn the_roster_learns_of_those_who_become_or_cease_to_be_super_admins() {
    let id = OperatorId(Uuid::from_u128(1));
    let state = |events: &[OperatorEvent]| {
        let mut state = Operator::default();
        events.iter().cloned().for_each(|event| state.evolve(event));
        state
    };
    let (nobody, support) = (state(&[]), state(&[created(OperatorRole::Support)]));
    let admin = state(&[created(OperatorRole::SuperAdmin)]);
    let gone = state(&[created(OperatorRole::SuperAdmin), deactivated()]);
    assert_eq!(admin.roster_change(&nobody, id), Some(RosterCommand::Admit(id)));
    assert_eq!(admin.roster_change(&gone, id), Some(RosterCommand::Admit(id)));
    assert_eq!(support.roster_change(&admin, id), Some(RosterCommand::Dismiss(id)));
    assert_eq!(gone.roster_change(&admin, id), Some(RosterCommand::Dismiss(id)));
    assert_eq!(support.roster_change(&nobody, id), None);
    assert_eq!(admin.roster_change(&admin, id), None);
}
