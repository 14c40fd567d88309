//! The rules of who has which role. Refused cases first.

use uuid::Uuid;

use super::{
    ROLES_MAX, UserCommand, UserError, UserEvent,
    spec_accounts::{active, asked, given, noon},
};
use crate::{
    RoleId,
    role::{RoleRef, SystemRole},
};

fn custom(n: u128) -> RoleRef {
    RoleRef::Custom(RoleId(Uuid::from_u128(n)))
}

#[test]
fn nobody_gets_a_role_who_is_not_there_or_has_too_many() {
    given(vec![]).when(asked(UserCommand::AssignRole(custom(1)))).then_expect_error(UserError::NotFound);
    given(vec![]).when(asked(UserCommand::RevokeRole(custom(1)))).then_expect_error(UserError::NotFound);
    let mut history = active();
    let most = u128::try_from(ROLES_MAX).unwrap();
    history.extend((1..most).map(|n| UserEvent::RoleAssigned { role: custom(n), at: noon() }));
    given(history)
        .when(asked(UserCommand::AssignRole(custom(most))))
        .then_expect_error(UserError::TooManyRoles);
}

#[test]
fn a_role_is_given_and_taken_away() {
    let assigned = UserEvent::RoleAssigned { role: custom(1), at: noon() };
    given(active())
        .when(asked(UserCommand::AssignRole(custom(1))))
        .then_expect_events(vec![assigned.clone()]);
    let mut history = active();
    history.push(assigned);
    given(history)
        .when(asked(UserCommand::RevokeRole(custom(1))))
        .then_expect_events(vec![UserEvent::RoleRevoked { role: custom(1), at: noon() }]);
}

#[test]
fn a_role_one_has_or_lacks_already_changes_nothing() {
    let owner = SystemRole::Owner.into();
    given(active()).when(asked(UserCommand::AssignRole(owner))).then_expect_events(vec![]);
    given(active()).when(asked(UserCommand::RevokeRole(custom(1)))).then_expect_events(vec![]);
}
