//! The rules of a tenant, refused cases first.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::Actor;

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn given(events: Vec<TenantEvent>) -> AggregateTestExecutor<Tenant> {
    TestFramework::with(()).given(events)
}

fn asked(command: TenantCommand) -> Issued<TenantCommand> {
    Issued { command, by: Actor::System, at: noon() }
}

fn created() -> TenantEvent {
    let naming = Naming::Given("Acme".to_owned().try_into().unwrap());
    TenantEvent::Created { naming, slug: "acme".to_owned().try_into().unwrap(), at: noon() }
}

fn suspended() -> TenantEvent {
    TenantEvent::Suspended { at: noon() }
}

fn reinstated() -> TenantEvent {
    TenantEvent::Reinstated { at: noon() }
}

#[test]
fn a_tenant_that_was_never_made_is_neither_suspended_nor_reinstated() {
    let user = UserId(Uuid::nil());
    for command in [TenantCommand::Suspend, TenantCommand::Reinstate, TenantCommand::RetireOwner { user }] {
        given(vec![]).when(asked(command)).then_expect_error(TenantError::NotFound);
    }
}

#[test]
fn a_tenant_is_suspended_and_reinstated() {
    given(vec![created()]).when(asked(TenantCommand::Suspend)).then_expect_events(vec![suspended()]);
    given(vec![created(), suspended()])
        .when(asked(TenantCommand::Reinstate))
        .then_expect_events(vec![reinstated()]);
}

#[test]
fn what_holds_already_changes_nothing() {
    given(vec![created(), suspended()]).when(asked(TenantCommand::Suspend)).then_expect_events(vec![]);
    given(vec![created()]).when(asked(TenantCommand::Reinstate)).then_expect_events(vec![]);
}

#[test]
fn a_suspended_tenant_keeps_its_slug() {
    let mut tenant = Tenant::default();
    tenant.evolve(created());
    let held = tenant.claims();
    tenant.evolve(suspended());
    assert_eq!((tenant.claims(), tenant.is_suspended()), (held.clone(), true));
    tenant.evolve(reinstated());
    assert_eq!((tenant.claims(), tenant.is_suspended()), (held, false));
}
