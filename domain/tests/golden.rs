//! Stored names and shapes of events, pinned by files: a stored event is for ever.
//!
//! A new event's file is written by the first run, which then fails; commit it and never edit it.
//! A shape that changes gets a new version, an upcaster, and a new file beside the old one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use cqrs_es::{DomainEvent, persist::SerializedEvent};
use domain::{
    BlindIndex, OperatorId, RoleId, Sealed, SessionId, TagId, TenantId, Timestamp, TokenHash, UserId,
    act::ActEvent,
    api_key::{ApiKeyEvent, KeyName, Slot},
    is_classified,
    operator::{OperatorEvent, OperatorRole, RosterEvent, SignOut},
    role::{Permission, RoleEvent, RoleName, RoleRef, SystemRole},
    tag::{Colour, Slug, TagEvent, TagName},
    tenant::{Naming, TenantEvent, TenantName},
    todo::{Priority, TodoEvent, TodoText},
    two_factor::{Bound, Challenged, Fact, Factor, Generated, Passed, Refused, Reset, Unbound},
    upcast, upcasters,
    user::{PasswordChange, Revocation, UserEvent},
};
use serde_json::Value;
use uuid::Uuid;

fn at() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 123_456_000).unwrap()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn todos() -> Vec<TodoEvent> {
    let (at, tag) = (at(), TagId(id(4)));
    let text = TodoText::stored("buy milk".to_owned());
    vec![
        TodoEvent::Created {
            tenant: TenantId(id(1)),
            owner: UserId(id(2)),
            number: 7,
            text: text.clone(),
            priority: Priority::High,
            due_at: Some(at),
            tags: vec![tag],
            assignee: Some(UserId(id(3))),
            at,
        },
        TodoEvent::TextChanged { text, at },
        TodoEvent::Prioritised { priority: Priority::Urgent, at },
        TodoEvent::Rescheduled { due_at: None, at },
        TodoEvent::Assigned { assignee: None, at },
        TodoEvent::Tagged { tag, at },
        TodoEvent::Untagged { tag, at },
        TodoEvent::Completed { at },
        TodoEvent::Reopened { at },
        TodoEvent::Archived { at },
        TodoEvent::Deleted { at },
    ]
}

fn tags() -> Vec<TagEvent> {
    let at = at();
    let name: TagName = "Home".to_owned().try_into().unwrap();
    let slug: Slug = "home".to_owned().try_into().unwrap();
    let colour: Colour = "#16a34a".to_owned().try_into().unwrap();
    vec![
        TagEvent::Created {
            tenant: TenantId(id(1)),
            name: name.clone(),
            slug: slug.clone(),
            colour: colour.clone(),
            at,
        },
        TagEvent::Renamed { name, at },
        TagEvent::SlugChanged { slug, at },
        TagEvent::Recoloured { colour, at },
        TagEvent::Deleted { at },
    ]
}

fn tenants() -> Vec<TenantEvent> {
    let name: TenantName = "Acme".to_owned().try_into().unwrap();
    vec![TenantEvent::Created {
        naming: Naming::Given(name),
        slug: "acme".to_owned().try_into().unwrap(),
        at: at(),
    }]
    .into_iter()
    .chain(standings())
    .collect()
}

fn standings() -> [TenantEvent; 5] {
    let at = at();
    [
        TenantEvent::Suspended { at },
        TenantEvent::Reinstated { at },
        TenantEvent::OwnerRetired { user: UserId(id(2)), at },
        TenantEvent::Renamed { name: "Acme Two".to_owned().try_into().unwrap(), at },
        TenantEvent::SlugChanged { slug: "acme-two".to_owned().try_into().unwrap(), at },
    ]
}

fn accounts() -> Vec<UserEvent> {
    let at = at();
    vec![
        UserEvent::Referred { referrer_tenant: TenantId(id(6)), referrer: UserId(id(7)), at },
        UserEvent::VerificationRequested {
            verification_hash: TokenHash::new("verification-hash"),
            verification_token: Sealed::new("sealed-token"),
            verification_expires_at: at,
            at,
        },
        UserEvent::PasswordResetRequested {
            reset_hash: TokenHash::new("reset-hash"),
            reset_token: Sealed::new("sealed-token"),
            expires_at: at,
            at,
        },
        UserEvent::PasswordChanged {
            password: Sealed::new("sealed-password"),
            reason: PasswordChange::Reset,
            at,
        },
        UserEvent::Renamed { fullname: Sealed::new("sealed-fullname"), at },
        UserEvent::UsernameChanged {
            username: Sealed::new("sealed-username"),
            username_index: BlindIndex::new("username-index"),
            at,
        },
        UserEvent::Suspended { at },
        UserEvent::Reinstated { at },
        UserEvent::Invited {
            tenant: TenantId(id(1)),
            by: Some(UserId(id(2))),
            fullname: Sealed::new("sealed-fullname"),
            email: Sealed::new("sealed-email"),
            email_index: BlindIndex::new("email-index"),
            roles: vec![SystemRole::Member.into()],
            invitation_hash: TokenHash::new("invitation-hash"),
            invitation_token: Sealed::new("sealed-token"),
            invitation_expires_at: at,
            at,
        },
        UserEvent::InvitationAccepted {
            fullname: Sealed::new("sealed-fullname"),
            username: Sealed::new("sealed-username"),
            username_index: BlindIndex::new("username-index"),
            password: Sealed::new("sealed-password"),
            referral_code: "REF-0A1B2C".to_owned(),
            at,
        },
    ]
}

fn users() -> Vec<UserEvent> {
    let (at, session, refresh) = (at(), SessionId(id(5)), TokenHash::new("refresh-hash"));
    vec![
        UserEvent::Registered {
            tenant: TenantId(id(1)),
            fullname: Sealed::new("sealed-fullname"),
            username: Sealed::new("sealed-username"),
            username_index: BlindIndex::new("username-index"),
            email: Sealed::new("sealed-email"),
            email_index: BlindIndex::new("email-index"),
            password: Sealed::new("sealed-password"),
            roles: vec![SystemRole::Owner.into()],
            referral_code: "REF-0A1B2C".to_owned(),
            verification_hash: TokenHash::new("verification-hash"),
            verification_token: Sealed::new("sealed-token"),
            verification_expires_at: at,
            at,
        },
        UserEvent::EmailVerified { at },
        UserEvent::SignedIn {
            session,
            refresh: refresh.clone(),
            expires_at: at,
            place: None,
            strange: false,
            at,
        },
        UserEvent::SessionRefreshed { session, refresh, expires_at: at, at },
        UserEvent::SessionConfirmed { session, factor: Some(Factor::Code { step: 56_666_666 }), at },
        UserEvent::SessionRevoked { session, reason: Revocation::TokenReused, at },
        UserEvent::RoleAssigned { role: RoleRef::Custom(RoleId(id(8))), at },
        UserEvent::RoleRevoked { role: SystemRole::Viewer.into(), at },
        UserEvent::Erased { at },
        UserEvent::TokensExpired { at },
    ]
}

fn roles() -> Vec<RoleEvent> {
    let (at, name) = (at(), RoleName::try_from("Planner".to_owned()).unwrap());
    let permissions = [Permission::CreateTodo, Permission::UpdateTag].into();
    vec![
        RoleEvent::Defined { tenant: TenantId(id(1)), name: name.clone(), permissions, at },
        RoleEvent::Renamed { name, at },
        RoleEvent::PermissionsChanged { permissions: [Permission::ManageUsers].into(), at },
        RoleEvent::Deleted { at },
    ]
}

fn api_keys() -> Vec<ApiKeyEvent> {
    let at = at();
    vec![
        ApiKeyEvent::Created {
            tenant: TenantId(id(1)),
            owner: UserId(id(2)),
            name: KeyName::try_from("ci".to_owned()).unwrap(),
            prefix: "etk_01234567".to_owned(),
            hash: TokenHash::new("key-hash"),
            permissions: [Permission::CreateTodo, Permission::UpdateTodo].into(),
            expires_at: Some(at),
            slot: Slot::all().nth(3).unwrap(),
            at,
        },
        ApiKeyEvent::Used { at },
        ApiKeyEvent::Revoked { at },
    ]
}

fn second_factor<E: From<Fact>>() -> Vec<E> {
    let (at, challenge) = (at(), TokenHash::new("challenge-hash"));
    let recovery = vec![TokenHash::new("recovery-1"), TokenHash::new("recovery-2")];
    let facts = [
        Fact::Generated(Generated { secret: Sealed::new("sealed-secret"), at }),
        Fact::Bound(Bound { factor: Factor::Code { step: 56_666_666 }, recovery, at }),
        Fact::Unbound(Unbound { factor: Factor::Bypass, at }),
        Fact::Reset(Reset { grounds: Sealed::new("sealed-grounds"), at }),
        Fact::Challenged(Challenged { challenge: challenge.clone(), expires_at: at, at }),
        Fact::Passed(Passed {
            challenge,
            factor: Factor::Recovery { code: TokenHash::new("recovery-1") },
            at,
        }),
        Fact::Refused(Refused { wrong: 5, locked_until: Some(at), at }),
    ];
    facts.into_iter().map(E::from).collect()
}

fn rosters() -> Vec<RosterEvent> {
    let (operator, at) = (OperatorId(id(6)), at());
    vec![RosterEvent::Admitted { operator, at }, RosterEvent::Dismissed { operator, at }]
}

fn acts() -> Vec<ActEvent> {
    vec![ActEvent::Done {
        name: "audit.events".to_owned(),
        about: Some("eventType=todo.created".to_owned()),
        at: at(),
    }]
}

fn operators() -> Vec<OperatorEvent> {
    let at = at();
    vec![
        OperatorEvent::Created {
            fullname: Sealed::new("sealed-fullname"),
            email: Sealed::new("sealed-email"),
            email_index: BlindIndex::new("email-index"),
            password: Sealed::new("sealed-password"),
            role: OperatorRole::SuperAdmin,
            at,
        },
        OperatorEvent::SignedIn { session: SessionId(id(5)), expires_at: at, at },
        OperatorEvent::SessionConfirmed { session: SessionId(id(5)), factor: None, at },
        OperatorEvent::SignedOut { session: SessionId(id(5)), reason: SignOut::RoleChanged, at },
        OperatorEvent::PasswordChanged { password: Sealed::new("sealed-password"), at },
        OperatorEvent::Renamed { fullname: Sealed::new("sealed-fullname"), at },
        OperatorEvent::RoleChanged { role: OperatorRole::Operations, at },
        OperatorEvent::Deactivated { at },
        OperatorEvent::Reactivated { at },
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Holds the events to their files; the names of the files they are held to.
fn hold<E: DomainEvent>(events: Vec<E>, pinned: &mut BTreeSet<String>, missing: &mut Vec<String>) {
    for event in events {
        let name = format!("{}.v{}.json", event.event_type(), event.event_version());
        let file = folder().join(&name);
        let written = format!("{}\n", serde_json::to_string_pretty(&event).unwrap());
        if file.exists() {
            let stored = fs::read_to_string(&file).unwrap();
            assert_eq!(written, stored, "{name}: a stored shape is for ever; give the new one a new version");
            let payload: Value = serde_json::from_str(&stored).unwrap();
            assert_eq!(payload["type"], event.event_type(), "{name}: the name inside is the stored name");
            assert_eq!(serde_json::from_value::<E>(payload).unwrap(), event, "{name} decodes");
        } else {
            fs::write(&file, written).unwrap();
            missing.push(name.clone());
        }
        assert!(pinned.insert(name.clone()), "{name} is pinned twice");
    }
}

#[test]
fn every_event_has_the_name_and_shape_that_is_stored() {
    let (mut pinned, mut missing) = (BTreeSet::new(), Vec::new());
    hold(todos(), &mut pinned, &mut missing);
    hold(tags(), &mut pinned, &mut missing);
    hold(tenants(), &mut pinned, &mut missing);
    hold(users(), &mut pinned, &mut missing);
    hold(accounts(), &mut pinned, &mut missing);
    hold(operators(), &mut pinned, &mut missing);
    hold(roles(), &mut pinned, &mut missing);
    hold(api_keys(), &mut pinned, &mut missing);
    hold(rosters(), &mut pinned, &mut missing);
    hold(acts(), &mut pinned, &mut missing);
    hold(second_factor::<UserEvent>(), &mut pinned, &mut missing);
    hold(second_factor::<OperatorEvent>(), &mut pinned, &mut missing);
    assert!(missing.is_empty(), "written now, commit them: {missing:?}");
    // Shapes of earlier releases, which only upcasters read.
    pinned.extend(
        [
            "tag.created.v1.json",
            "tenant.created.after-a-person.v1.json",
            "user.invited.by-an-operator.v1.json",
            "user.signed_in.from-a-strange-place.v1.json",
        ]
        .map(str::to_owned),
    );
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let orphans: Vec<String> = files.filter(|file| !pinned.contains(file)).collect();
    assert!(orphans.is_empty(), "no event has these shapes: {orphans:?}");
}

/// The fields of a value that hold no further fields, by the name closest to them.
fn leaves(value: &Value, field: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, name, found)),
        Value::Array(values) => values.iter().for_each(|value| leaves(value, field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.insert(field.to_owned());
        }
    }
}

#[test]
fn of_every_stored_field_somebody_has_said_who_may_see_it() {
    let mut fields = BTreeSet::new();
    for file in fs::read_dir(folder()).unwrap() {
        let stored = fs::read_to_string(file.unwrap().path()).unwrap();
        leaves(&serde_json::from_str(&stored).unwrap(), "", &mut fields);
    }
    let unknown: Vec<&String> = fields.iter().filter(|field| !is_classified(field)).collect();
    assert!(unknown.is_empty(), "say in domain/src/shared/shown.rs who may see {unknown:?}");
}

#[test]
fn a_tag_of_the_time_before_colours_has_the_default_one() {
    let payload = fs::read_to_string(folder().join("tag.created.v1.json")).unwrap();
    let old = SerializedEvent {
        aggregate_id: String::new(),
        sequence: 1,
        aggregate_type: "tag".to_owned(),
        event_type: "tag.created".to_owned(),
        event_version: "1".to_owned(),
        payload: serde_json::from_str(&payload).unwrap(),
        metadata: Value::Null,
    };
    let today = upcast(&upcasters(), old.clone());
    assert!(
        serde_json::from_value::<TagEvent>(old.payload).is_err(),
        "without its upcaster it is unreadable"
    );
    let TagEvent::Created { name, colour, .. } = serde_json::from_value(today.payload).unwrap() else {
        panic!("it is a creation");
    };
    assert_eq!((name.as_str(), colour), ("Home", Colour::default()));
}

#[test]
fn a_tenant_named_after_a_person_stores_no_name() {
    let event = TenantEvent::Created {
        naming: Naming::After(UserId(id(2))),
        slug: "tenant-0a1b2c".to_owned().try_into().unwrap(),
        at: at(),
    };
    let stored = fs::read_to_string(folder().join("tenant.created.after-a-person.v1.json")).unwrap();
    assert_eq!(serde_json::from_str::<TenantEvent>(&stored).unwrap(), event);
}

#[test]
fn an_invitation_by_an_operator_names_nobody_of_the_tenant() {
    let stored = fs::read_to_string(folder().join("user.invited.by-an-operator.v1.json")).unwrap();
    let event: UserEvent = serde_json::from_str(&stored).unwrap();
    assert!(matches!(&event, UserEvent::Invited { by: None, .. }), "{event:?}");
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&event).unwrap()), stored);
}

#[test]
fn a_sign_in_from_a_strange_place_says_so_and_stores_no_address() {
    let stored = fs::read_to_string(folder().join("user.signed_in.from-a-strange-place.v1.json")).unwrap();
    let event: UserEvent = serde_json::from_str(&stored).unwrap();
    assert!(matches!(&event, UserEvent::SignedIn { place: Some(_), strange: true, .. }), "{event:?}");
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&event).unwrap()), stored);
}
