//! The rules of an operator's own password. Refused cases first.

use super::{
    spec::{
        asked, challenged, created, deactivated, evening, given, noon, pass, sign_in, signed_in, signed_out,
    },
    *,
};

fn history() -> Vec<OperatorEvent> {
    vec![created(OperatorRole::Support), signed_in(1), signed_in(2)]
}

fn change(checked: &str) -> Issued<OperatorCommand> {
    let (checked, password) = (Sealed::new(checked), Sealed::new("p2"));
    asked(OperatorCommand::ChangePassword { checked, password })
}

fn changed(at: Timestamp) -> OperatorEvent {
    OperatorEvent::PasswordChanged { password: Sealed::new("p2"), at }
}

#[test]
fn nobody_and_the_deactivated_have_no_password_to_change() {
    given(vec![]).when(change("p")).then_expect_error(OperatorError::NotFound);
    let mut gone = history();
    gone.push(deactivated());
    given(gone).when(change("p")).then_expect_error(OperatorError::Deactivated);
}

#[test]
fn a_password_is_changed_only_from_the_one_that_was_checked() {
    given(history()).when(change("older")).then_expect_error(OperatorError::CurrentPasswordWrong);
    let mut meanwhile = history();
    meanwhile.push(changed(noon()));
    given(meanwhile).when(change("p")).then_expect_error(OperatorError::CurrentPasswordWrong);
}

#[test]
fn a_changed_password_ends_all_sessions() {
    let out = |n| signed_out(n, SignOut::PasswordChanged);
    given(history()).when(change("p")).then_expect_events(vec![changed(noon()), out(1), out(2)]);
    let late = Issued { at: evening(), ..change("p") };
    given(history()).when(late).then_expect_events(vec![changed(evening())]);
}

#[test]
fn a_sign_in_that_waits_for_its_second_factor_ends_with_the_password_it_showed() {
    let history = || challenged().into_iter().chain([changed(noon())]).collect();
    let refused = OperatorError::TwoFactor;
    given(history()).when(pass(&[11])).then_expect_error(refused(TwoFactorError::TokenInvalid));
    given(history()).when(sign_in(1)).then_expect_error(refused(TwoFactorError::Required));
}
