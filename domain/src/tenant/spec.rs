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

fn update(name: Option<&str>, slug: Option<&str>) -> TenantCommand {
    TenantCommand::Update {
        name: name.map(|name| name.to_owned().try_into().unwrap()),
        slug: slug.map(|slug| slug.to_owned().try_into().unwrap()),
    }
}

fn renamed(name: &str) -> TenantEvent {
    TenantEvent::Renamed { name: name.to_owned().try_into().unwrap(), at: noon() }
}

fn moved(slug: &str) -> TenantEvent {
    TenantEvent::SlugChanged { slug: slug.to_owned().try_into().unwrap(), at: noon() }
}

#[test]
fn the_name_and_slug_it_has_already_change_nothing() {
    given(vec![created()]).when(asked(update(Some("Acme"), Some("acme")))).then_expect_events(vec![]);
    given(vec![created(), renamed("Other")])
        .when(asked(update(Some("Other"), None)))
        .then_expect_events(vec![]);
}

#[test]
fn a_tenant_gets_another_name_and_slug_suspended_or_not() {
    given(vec![created()])
        .when(asked(update(Some("Other"), Some("other"))))
        .then_expect_events(vec![renamed("Other"), moved("other")]);
    given(vec![created(), suspended()])
        .when(asked(update(None, Some("other"))))
        .then_expect_events(vec![moved("other")]);
}

#[test]
fn a_name_of_its_own_replaces_that_of_a_person_even_where_they_read_alike() {
    let after = TenantEvent::Created {
        naming: Naming::After(UserId(Uuid::nil())),
        slug: "tenant-0a1b2c".to_owned().try_into().unwrap(),
        at: noon(),
    };
    given(vec![after]).when(asked(update(Some("Ada"), None))).then_expect_events(vec![renamed("Ada")]);
}

#[test]
fn another_slug_is_claimed_and_the_old_one_let_go() {
    let mut tenant = Tenant::default();
    for event in [created(), moved("other"), suspended()] {
        tenant.evolve(event);
    }
    assert_eq!(tenant.claims(), [Claim::new(SLUG, "other")]);
}

#[test]
fn a_tenant_that_was_never_made_is_neither_suspended_nor_reinstated() {
    let user = UserId(Uuid::nil());
    for command in [
        TenantCommand::Suspend,
        TenantCommand::Reinstate,
        TenantCommand::RetireOwner { user },
        update(Some("Other"), Some("other")),
    ] {
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
