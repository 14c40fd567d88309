//! Accounts over time: what expires, who stays out, and what is written a second time.

use std::{sync::Arc, time::Duration};

use adapter_postgres::{PeopleProjection, ReferralsProjection};
use application::{
    Caller, Failure, Member, Terms,
    ports::{EventLog, Vault},
    tenant::{ReinstateTenant, SuspendTenant},
    user::{
        AcceptInvitation, CheckResetToken, Entry, InviteUser, Login, Person, Refresh, Register,
        ReinstateUserOfTenant, RequestPasswordReset, ResendVerification, ResetPassword, SuspendUser,
        SuspendUserOfTenant, UpdateProfile, VerifyEmail,
    },
};
use domain::{
    OperatorId, Sealed, SessionId, StreamId, UserId,
    operator::OperatorRole,
    role::SystemRole,
    tenant::TenantError,
    user::{Password, UserError},
};
use testkit::{
    TestDatabase, eventually,
    given::{moment, nobody, signed_in},
};
use uuid::Uuid;

use crate::rig::Node;

pub(crate) const PASSWORD: &str = "Correct7Horse";
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

fn email(name: &str) -> String {
    format!("{name}@example.org")
}

fn password() -> Password {
    PASSWORD.to_owned().try_into().unwrap()
}

/// Somebody with a tenant alone.
async fn registered(node: &Node, name: &str) -> Member {
    let person = Person {
        fullname: format!("The {name}").try_into().unwrap(),
        username: name.to_owned().try_into().unwrap(),
        email: email(name).try_into().unwrap(),
        password: password(),
    };
    let register = Register { person, tenant_name: None, referral_code: None };
    let person = node.app().send(&nobody(), register, Terms::default()).await.unwrap().person;
    Member { tenant: person.tenant.id, user: person.id }
}

/// The newest token of a kind that was sealed for a mail to the person.
async fn mailed(node: &Node, of: Member, kind: &'static str) -> Option<String> {
    let stream = StreamId::within(of.tenant, of.user.0);
    let events = node.log.events("user", &stream, 0).await.unwrap();
    let field = format!("{kind}_token");
    let sealed = events.iter().rev().find_map(|event| event.payload.get(&field)?.as_str().map(str::to_owned));
    node.vault.open(of.user.0, kind, &Sealed::new(sealed?)).await.unwrap()
}

pub(crate) async fn verified(node: &Node, name: &str) -> Member {
    let member = registered(node, name).await;
    let token = mailed(node, member, "verification").await.unwrap();
    node.app().send(&nobody(), VerifyEmail { token }, Terms::default()).await.unwrap();
    member
}

pub(crate) fn login(name: &str) -> Login {
    Login { identifier: name.to_owned(), password: PASSWORD.to_owned(), network: None }
}

fn super_admin() -> Caller {
    let id = Uuid::from_u128(1);
    Caller::operator(OperatorId(id), SessionId(id), OperatorRole::SuperAdmin, moment(1_000_000_000))
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure<UserError>>) -> UserError {
    match outcome {
        Err(Failure::Rejected(refusal)) => refusal,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_verification_works_for_24_hours() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let member = registered(&node, "alice").await;
    let token = mailed(&node, member, "verification").await.unwrap();
    node.clock.advance(DAY);
    let late = node.app().send(&nobody(), VerifyEmail { token: token.clone() }, Terms::default()).await;
    assert_eq!(refused(late.map(|_| ())), UserError::TokenInvalid);

    let resend = ResendVerification { email: email("alice") };
    node.app().send(&nobody(), resend, Terms::default()).await.unwrap();
    eventually("another token", async || mailed(&node, member, "verification").await != Some(token.clone()))
        .await;
    let token = mailed(&node, member, "verification").await.unwrap();
    node.clock.advance(Duration::from_hours(23));
    node.app().send(&nobody(), VerifyEmail { token }, Terms::default()).await.unwrap();
}

#[tokio::test]
async fn a_reset_works_for_60_minutes() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let member = verified(&node, "alice").await;
    let ask = async || {
        let before = mailed(&node, member, "reset").await;
        let request = RequestPasswordReset { email: email("alice") };
        node.app().send(&nobody(), request, Terms::default()).await.unwrap();
        eventually("a token", async || mailed(&node, member, "reset").await != before).await;
        mailed(&node, member, "reset").await.unwrap()
    };
    let reset = |token: String| ResetPassword { token, password: password() };

    let token = ask().await;
    node.clock.advance(60 * MINUTE);
    let check = CheckResetToken { token: token.clone() };
    assert!(!node.app().ask(&nobody(), check, None).await.unwrap());
    let late = node.app().send(&nobody(), reset(token), Terms::default()).await;
    assert_eq!(refused(late.map(|_| ())), UserError::TokenInvalid);

    let token = ask().await;
    node.clock.advance(59 * MINUTE);
    let check = CheckResetToken { token: token.clone() };
    assert!(node.app().ask(&nobody(), check, None).await.unwrap());
    node.app().send(&nobody(), reset(token), Terms::default()).await.unwrap();
}

#[tokio::test]
async fn an_invitation_works_for_7_days() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let owner = verified(&node, "alice").await;
    let invite = async |name: &str| {
        let invite = InviteUser {
            email: email(name).try_into().unwrap(),
            fullname: "Bob".to_owned().try_into().unwrap(),
            roles: vec![SystemRole::Member.into()],
        };
        let invited = node.app().send(&signed_in(owner), invite, Terms::default()).await.unwrap();
        let member = Member { tenant: owner.tenant, user: invited.person.id };
        mailed(&node, member, "invitation").await.unwrap()
    };
    let accept = |token: String| AcceptInvitation {
        token,
        username: "bob".to_owned().try_into().unwrap(),
        password: password(),
        fullname: None,
    };
    let token = invite("bob").await;
    node.clock.advance(7 * DAY);
    let late = node.app().send(&nobody(), accept(token), Terms::default()).await;
    assert_eq!(refused(late.map(|_| ())), UserError::TokenInvalid);
    let token = invite("bob").await;
    node.clock.advance(6 * DAY);
    node.app().send(&nobody(), accept(token), Terms::default()).await.unwrap();
    node.app().send(&nobody(), login("bob"), Terms::default()).await.map(|_| ()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_a_mail_is_answered_before_anything_is_looked_up() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let member = verified(&node, "alice").await;
    let mut holder = node.client().await;
    let holding = holder.transaction().await.unwrap();
    holding.batch_execute("LOCK TABLE unique_claims IN ACCESS EXCLUSIVE MODE").await.unwrap();

    // Nobody can find out now whose address it is; the answer does not wait for it.
    for name in ["alice", "nobody"] {
        let request = RequestPasswordReset { email: email(name) };
        let resend = ResendVerification { email: email(name) };
        node.app().send(&nobody(), request, Terms::default()).await.unwrap();
        node.app().send(&nobody(), resend, Terms::default()).await.unwrap();
    }
    assert_eq!(mailed(&node, member, "reset").await, None);
    holding.rollback().await.unwrap();
    eventually("a token", async || mailed(&node, member, "reset").await.is_some()).await;
}

#[tokio::test]
async fn the_people_of_a_suspended_tenant_stay_out_until_it_is_reinstated() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let app = node.app();
    let member = verified(&node, "alice").await;
    let entered = app.send(&nobody(), login("alice"), Terms::default()).await.map_err(|_| ()).unwrap();
    let Entry::Open(tokens) = entered else { panic!("no second factor is bound") };
    let tenant = member.tenant;
    let unknown = SuspendTenant { tenant: domain::TenantId(Uuid::nil()) };
    let unknown = app.send(&super_admin(), unknown, Terms::default()).await;
    assert!(matches!(unknown, Err(Failure::Rejected(TenantError::NotFound))));
    let by_owner = app.send(&signed_in(member), SuspendTenant { tenant }, Terms::default()).await;
    assert!(matches!(by_owner, Err(Failure::Unauthenticated)), "no person of the user surface may");

    app.send(&super_admin(), SuspendTenant { tenant }, Terms::default()).await.unwrap();
    let out = app.send(&nobody(), login("alice"), Terms::default()).await;
    assert_eq!(refused(out.map(|_| ())), UserError::Suspended);
    let wrong = Login { identifier: "alice".to_owned(), password: "Wr0ngPassword".to_owned(), network: None };
    let wrong = app.send(&nobody(), wrong, Terms::default()).await;
    assert_eq!(refused(wrong.map(|_| ())), UserError::InvalidCredentials, "only to who knows the password");
    let refresh = || Refresh { token: tokens.refresh.clone() };
    let out = app.send(&nobody(), refresh(), Terms::default()).await;
    assert_eq!(refused(out.map(|_| ())), UserError::Suspended);

    app.send(&super_admin(), ReinstateTenant { tenant }, Terms::default()).await.unwrap();
    app.send(&nobody(), login("alice"), Terms::default()).await.map(|_| ()).unwrap();
    app.send(&nobody(), refresh(), Terms::default()).await.map(|_| ()).unwrap();
}

#[tokio::test]
async fn an_operator_may_keep_the_last_owner_out_and_nobody_else_may() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let app = node.app();
    let owner = verified(&node, "alice").await;
    let admin = Member { tenant: owner.tenant, user: UserId(Uuid::from_u128(5)) };
    // Somebody with all rights whose own stream does not make an Owner of them.
    let last = app.send(&signed_in(admin), SuspendUser { user: owner.user }, Terms::default()).await;
    assert_eq!(refused(last.map(|_| ())), UserError::LastOwner);

    let (tenant, user) = (owner.tenant, owner.user);
    app.send(&super_admin(), SuspendUserOfTenant { tenant, user }, Terms::default()).await.unwrap();
    let out = app.send(&nobody(), login("alice"), Terms::default()).await;
    assert_eq!(refused(out.map(|_| ())), UserError::Suspended);
    app.send(&super_admin(), ReinstateUserOfTenant { tenant, user }, Terms::default()).await.unwrap();
    app.send(&nobody(), login("alice"), Terms::default()).await.map(|_| ()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_referrals_written_again_from_zero_are_what_they_were() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let run = || {
        let people = node.run(PeopleProjection::new(Arc::clone(&node.vault) as _));
        (people, node.run(ReferralsProjection::default()))
    };
    let running = run();
    let app = node.app();
    let owner = verified(&node, "alice").await;
    let invite = InviteUser {
        email: email("bob").try_into().unwrap(),
        fullname: "Bob".to_owned().try_into().unwrap(),
        roles: vec![SystemRole::Member.into()],
    };
    let invited = app.send(&signed_in(owner), invite, Terms::default()).await.unwrap().person;
    let bob = Member { tenant: owner.tenant, user: invited.id };
    let accept = AcceptInvitation {
        token: mailed(&node, bob, "invitation").await.unwrap(),
        username: "bob".to_owned().try_into().unwrap(),
        password: password(),
        fullname: None,
    };
    let code = app.send(&nobody(), accept, Terms::default()).await.unwrap().person.referral_code;
    for (name, code) in [("carol", Some(code)), ("dave", None)] {
        let person = Person {
            fullname: format!("The {name}").try_into().unwrap(),
            username: name.to_owned().try_into().unwrap(),
            email: email(name).try_into().unwrap(),
            password: password(),
        };
        let register = Register { person, tenant_name: None, referral_code: code };
        app.send(&nobody(), register, Terms::default()).await.unwrap();
    }
    let rename = UpdateProfile { fullname: Some("Alice II".to_owned().try_into().unwrap()), username: None };
    app.send(&signed_in(owner), rename, Terms::default()).await.unwrap();
    app.send(&signed_in(owner), SuspendUser { user: bob.user }, Terms::default()).await.unwrap();
    let (tenant, user) = (owner.tenant, bob.user);
    app.send(&super_admin(), ReinstateUserOfTenant { tenant, user }, Terms::default()).await.unwrap();
    app.send(&super_admin(), SuspendTenant { tenant }, Terms::default()).await.unwrap();

    let caught_up = async || {
        node.caught_up("people.v1", &["user", "tenant"]).await;
        node.caught_up("referrals.v1", &["user"]).await;
    };
    let client = node.client().await;
    let dump = async || -> String {
        let sql = "SELECT (SELECT string_agg(p::text, '|' ORDER BY id) FROM people p) || \
                   (SELECT string_agg(t::text, '|' ORDER BY id) FROM tenants t) || \
                   (SELECT string_agg(r::text, '|' ORDER BY ancestor_id, id) FROM referrals r)";
        client.query_one(sql, &[]).await.unwrap().get(0)
    };
    caught_up().await;
    let live = dump().await;
    assert!(live.contains("Alice II") && !live.contains("SUSPENDED"), "{live}");
    running.0.stop().await;
    running.1.stop().await;
    for reset in [
        "UPDATE projection_checkpoints SET tx_id = '0', position = 0",
        "DELETE FROM people; DELETE FROM tenants; DELETE FROM referrals; DELETE FROM projection_checkpoints",
    ] {
        client.batch_execute(reset).await.unwrap();
        let running = run();
        caught_up().await;
        assert_eq!(dump().await, live, "{reset}");
        running.0.stop().await;
        running.1.stop().await;
    }
}
