//! The rules of showing the password again, and of taking a lost factor away. Refused cases first.

use chrono::Duration;
use uuid::Uuid;

use super::{
    spec::{asked, attempt, created, deactivated, evening, given, noon, session, signed_in, signed_out},
    *,
};
use crate::two_factor::{Bound, Confirmation, Factor, Generated, Refused, Reset};

fn history() -> Vec<OperatorEvent> {
    vec![created(OperatorRole::Support), signed_in(1), signed_in(2)]
}

fn with_factor() -> Vec<OperatorEvent> {
    let (mut events, factor) = (history(), Factor::Code { step: 10 });
    events.push(OperatorEvent::TwoFactorGenerated(Generated { secret: Sealed::new("s"), at: noon() }));
    events.push(OperatorEvent::TwoFactorBound(Bound { factor, recovery: Vec::new(), at: noon() }));
    events
}

fn confirm(n: u128, checked: &str, steps: Option<&[i64]>, at: Timestamp) -> Issued<OperatorCommand> {
    let attempt = steps.map(attempt);
    let shown = Confirmation { session: session(n), checked: Sealed::new(checked), attempt };
    Issued { at, ..asked(OperatorCommand::Confirm(shown)) }
}

fn confirmed(n: u128, factor: Option<Factor>, at: Timestamp) -> OperatorEvent {
    OperatorEvent::SessionConfirmed { session: session(n), factor, at }
}

fn reset() -> Issued<OperatorCommand> {
    asked(OperatorCommand::TwoFactor(TwoFactorCommand::Reset { grounds: Sealed::new("why") }))
}

#[test]
fn only_an_open_session_of_somebody_at_work_is_confirmed() {
    given(history()).when(confirm(9, "p", None, noon())).then_expect_error(OperatorError::InvalidCredentials);
    given(history())
        .when(confirm(1, "p", None, evening()))
        .then_expect_error(OperatorError::InvalidCredentials);
    let mut gone = history();
    gone.push(deactivated());
    given(gone).when(confirm(1, "p", None, noon())).then_expect_error(OperatorError::Deactivated);
    given(history()).when(confirm(1, "other", None, noon())).then_expect_error(OperatorError::PasswordWrong);
}

#[test]
fn where_a_second_factor_is_bound_the_password_alone_confirms_nothing() {
    given(with_factor())
        .when(confirm(1, "p", None, noon()))
        .then_expect_error(OperatorError::TwoFactor(TwoFactorError::CodeMissing));
    let refused = Refused { wrong: 1, locked_until: None, at: noon() };
    given(with_factor())
        .when(confirm(1, "p", Some(&[10]), noon()))
        .then_expect_events(vec![OperatorEvent::TwoFactorRefused(refused)]);
    let factor = Some(Factor::Code { step: 11 });
    given(with_factor()).when(confirm(1, "p", Some(&[11]), noon())).then_expect_events(vec![confirmed(
        1,
        factor,
        noon(),
    )]);
}

#[test]
fn a_confirmation_counts_for_its_own_session() {
    let later = noon() + Duration::minutes(20);
    given(history()).when(confirm(1, "p", None, later)).then_expect_events(vec![confirmed(1, None, later)]);
    let mut operator = Operator::default();
    history().into_iter().chain([confirmed(1, None, later)]).for_each(|event| operator.evolve(event));
    let badge = operator.badge().unwrap();
    let at = |n| badge.session(session(n)).map(|open| open.confirmed_at);
    assert_eq!((at(1), at(2)), (Some(later), Some(noon())));
    assert_eq!(badge.session(SessionId(Uuid::nil())), None);
}

#[test]
fn a_factor_that_is_not_there_is_not_taken_away() {
    given(vec![]).when(reset()).then_expect_error(OperatorError::NotFound);
    given(history()).when(reset()).then_expect_events(vec![]);
}

#[test]
fn taking_a_factor_away_ends_all_sessions() {
    let taken = OperatorEvent::TwoFactorReset(Reset { grounds: Sealed::new("why"), at: noon() });
    let out = |n| signed_out(n, SignOut::SecondFactorReset);
    let events = vec![taken.clone(), out(1), out(2)];
    given(with_factor()).when(reset()).then_expect_events(events.clone());
    let mut after = with_factor();
    after.extend(events);
    given(after).when(reset()).then_expect_events(vec![]);
    let mut gone = with_factor();
    gone.push(deactivated());
    given(gone).when(reset()).then_expect_events(vec![taken]);
}
