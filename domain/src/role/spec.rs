//! What roles refuse, and what they do.

use std::collections::BTreeSet;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{
    DefineRole, Permission, Role, RoleCommand, RoleError, RoleEvent, RoleName, RoleRef, SystemRole,
    UpdateRole,
};
use crate::{Actor, Issued, RoleId, TenantId, Timestamp};

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn given<const N: usize>(events: [RoleEvent; N]) -> AggregateTestExecutor<Role> {
    TestFramework::with(()).given(events.into())
}

fn name(text: &str) -> RoleName {
    text.to_owned().try_into().unwrap()
}

fn may(permissions: &[Permission]) -> BTreeSet<Permission> {
    permissions.iter().copied().collect()
}

fn issued(command: RoleCommand) -> Issued<RoleCommand> {
    Issued { command, by: Actor::System, at: noon() }
}

fn define() -> Issued<RoleCommand> {
    let permissions = may(&[Permission::CreateTodo]);
    issued(RoleCommand::Define(DefineRole {
        tenant: TenantId(Uuid::nil()),
        name: name("Planner"),
        permissions,
    }))
}

fn defined() -> RoleEvent {
    let permissions = may(&[Permission::CreateTodo]);
    RoleEvent::Defined { tenant: TenantId(Uuid::nil()), name: name("Planner"), permissions, at: noon() }
}

fn update(name: Option<&str>, permissions: Option<&[Permission]>) -> Issued<RoleCommand> {
    let name = name.map(self::name);
    issued(RoleCommand::Update(UpdateRole { name, permissions: permissions.map(may) }))
}

#[test]
fn a_role_that_is_not_there_cannot_be_changed_or_deleted() {
    given([]).when(update(Some("x"), None)).then_expect_error(RoleError::NotFound);
    given([]).when(issued(RoleCommand::Delete)).then_expect_error(RoleError::NotFound);
    let gone = || [defined(), RoleEvent::Deleted { at: noon() }];
    given(gone()).when(update(Some("x"), None)).then_expect_error(RoleError::NotFound);
    given(gone()).when(define()).then_expect_error(RoleError::AlreadyDefined);
}

#[test]
fn a_name_is_read_by_people_and_is_none_of_the_seeded_ones() {
    for wrong in ["", "  ", "a\nb", &"x".repeat(51)] {
        assert_eq!(RoleName::try_from(wrong.to_owned()), Err(RoleError::NameMalformed), "{wrong:?}");
    }
    for taken in ["Owner", "admin", " VIEWER "] {
        assert_eq!(RoleName::try_from(taken.to_owned()), Err(RoleError::NameTaken), "{taken:?}");
    }
}

#[test]
fn a_role_is_defined_changed_and_deleted() {
    given([]).when(define()).then_expect_events(vec![defined()]);
    let permissions = may(&[Permission::DeleteTag]);
    given([defined()]).when(update(Some("Other"), Some(&[Permission::DeleteTag]))).then_expect_events(vec![
        RoleEvent::Renamed { name: name("Other"), at: noon() },
        RoleEvent::PermissionsChanged { permissions, at: noon() },
    ]);
    given([defined()])
        .when(issued(RoleCommand::Delete))
        .then_expect_events(vec![RoleEvent::Deleted { at: noon() }]);
}

#[test]
fn what_holds_already_changes_nothing() {
    given([defined()])
        .when(update(Some("Planner"), Some(&[Permission::CreateTodo])))
        .then_expect_events(vec![]);
    given([defined(), RoleEvent::Deleted { at: noon() }])
        .when(issued(RoleCommand::Delete))
        .then_expect_events(vec![]);
}

#[test]
fn a_reference_is_a_name_or_an_id() {
    let custom = RoleRef::Custom(RoleId(Uuid::from_u128(7)));
    for role in [RoleRef::System(SystemRole::Owner), custom] {
        assert_eq!(role.to_string().parse(), Ok(role));
        let stored = serde_json::to_string(&role).unwrap();
        assert_eq!(serde_json::from_str::<RoleRef>(&stored).unwrap(), role);
    }
    assert!("owner".parse::<RoleRef>().is_err());
}
