//! The rules of erasure. Refused cases first.

use super::{
    User, UserCommand, UserError, UserEvent,
    spec_accounts::{active, asked, given, noon},
};
use crate::{Root, role::SystemRole};

fn erased() -> Vec<UserEvent> {
    let mut history = active();
    history.push(UserEvent::Erased { at: noon() });
    history
}

#[test]
fn nobody_is_erased_who_was_never_here() {
    given(vec![]).when(asked(UserCommand::Erase)).then_expect_error(UserError::NotFound);
}

#[test]
fn an_erased_person_does_and_becomes_nothing_any_more() {
    for command in [
        UserCommand::EndSessions,
        UserCommand::Suspend,
        UserCommand::Reinstate,
        UserCommand::AssignRole(SystemRole::Viewer.into()),
    ] {
        given(erased()).when(asked(command)).then_expect_error(UserError::NotFound);
    }
}

#[test]
fn erasing_lets_go_of_everything_unique() {
    given(active())
        .when(asked(UserCommand::Erase))
        .then_expect_events(vec![UserEvent::Erased { at: noon() }]);
    let mut state = User::default();
    for event in erased() {
        state.evolve(event);
    }
    assert_eq!((state.claims(), state), (vec![], User::Erased));
}

#[test]
fn whoever_is_erased_already_is_not_erased_again() {
    given(erased()).when(asked(UserCommand::Erase)).then_expect_events(vec![]);
}
