//! What tests start from: people, events of the real aggregates, units to append.

use application::{
    Caller, Member, Platform,
    ports::{Append, Entropy, IdempotencyKey, NewEvent, NewSnapshot, Unit},
};
use cqrs_es::DomainEvent;
use domain::{
    Claim, Root, SessionId, StreamId, TagId, TenantId, Timestamp, TodoId, TokenHash, UserId,
    api_key::{ApiKeyEvent, KeyName, Slot},
    role::{Permission, RoleEvent, RoleName, SystemRole},
    tag::{Colour, Slug, TagEvent, TagName},
    todo::{Priority, TodoEvent, TodoText},
};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use crate::TestEntropy;

/// A person in a tenant of their own.
pub fn somebody(entropy: &TestEntropy) -> Member {
    Member { tenant: TenantId(entropy.id()), user: UserId(entropy.id()) }
}

/// A person of the same tenant.
pub fn colleague(of: Member, entropy: &TestEntropy) -> Member {
    Member { tenant: of.tenant, user: UserId(entropy.id()) }
}

/// The person, signed in as the tenant's Owner.
pub fn signed_in(member: Member) -> Caller {
    let until = moment(1_000_000_000);
    Caller::member(member, SessionId(member.user.0), &[SystemRole::Owner.into()], until).in_request("test")
}

/// Somebody without a token.
pub fn nobody() -> Caller {
    Caller::anonymous(Platform::User, "test")
}

/// Seconds after the moment at which the clock of tests stands.
pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + seconds, 0).expect("tests stay near this century")
}

/// The stream of a new todo, and its id.
pub fn todo_stream(of: Member, entropy: &TestEntropy) -> (StreamId, TodoId) {
    let id = entropy.id();
    (StreamId::within(of.tenant, id), TodoId(id))
}

/// A todo was written down. The store assigns the number.
pub fn todo_created(of: Member, text: &str) -> TodoEvent {
    TodoEvent::Created {
        tenant: of.tenant,
        owner: of.user,
        number: 0,
        text: TodoText::stored(text.to_owned()),
        priority: Priority::Normal,
        due_at: None,
        tags: Vec::new(),
        assignee: None,
        at: moment(0),
    }
}

/// It has another text.
pub fn todo_text(text: &str, seconds: i64) -> TodoEvent {
    TodoEvent::TextChanged { text: TodoText::stored(text.to_owned()), at: moment(seconds) }
}

/// It is done.
pub fn todo_completed(seconds: i64) -> TodoEvent {
    TodoEvent::Completed { at: moment(seconds) }
}

/// A tag was made.
pub fn tag_created(tenant: TenantId, name: &str) -> TagEvent {
    TagEvent::Created {
        tenant,
        name: TagName::try_from(name.to_owned()).expect("tests name tags well"),
        slug: Slug::of(name).expect("tests name tags in letters"),
        colour: Colour::default(),
        at: moment(0),
    }
}

/// A person's first key, without an end.
pub fn api_key_created(owner: Member, hash: &str) -> ApiKeyEvent {
    ApiKeyEvent::Created {
        tenant: owner.tenant,
        owner: owner.user,
        name: KeyName::try_from("ci".to_owned()).expect("a name"),
        prefix: "etk_01234567".to_owned(),
        hash: TokenHash::new(hash),
        permissions: [Permission::CreateTodo].into(),
        expires_at: None,
        slot: Slot::all().next().expect("a place"),
        at: moment(0),
    }
}

/// A role that allows nothing.
pub fn role_defined(tenant: TenantId, name: &str) -> RoleEvent {
    RoleEvent::Defined {
        tenant,
        name: RoleName::try_from(name.to_owned()).expect("tests name roles well"),
        permissions: std::collections::BTreeSet::new(),
        at: moment(0),
    }
}

/// A new tag.
pub fn tag_id(entropy: &TestEntropy) -> TagId {
    TagId(entropy.id())
}

/// New events of a stream, with the claims and the series that the aggregate gives them.
pub fn append<A: Root>(stream: &StreamId, before: &[A::Event], events: &[A::Event]) -> Append
where
    A::Event: Clone,
{
    let mut state = A::default();
    for event in before {
        state.evolve(event.clone());
    }
    let held = state.claims();
    for event in events {
        state.evolve(event.clone());
    }
    let holds = state.claims();
    Append {
        aggregate_type: A::TYPE,
        stream: stream.clone(),
        seen: i64::try_from(before.len()).expect("histories are short"),
        events: events.iter().map(new_event).collect(),
        takes: holds.iter().filter(|claim| !held.contains(claim)).cloned().collect(),
        releases: held.into_iter().filter(|claim| !holds.contains(claim)).collect(),
        series: events.first().and_then(A::series),
        snapshot: None,
    }
}

/// New events of a stream and nothing else: no claims, no running number.
pub fn bare<A: Root>(stream: &StreamId, seen: i64, events: &[A::Event]) -> Append {
    Append {
        aggregate_type: A::TYPE,
        stream: stream.clone(),
        seen,
        events: events.iter().map(new_event).collect(),
        takes: Vec::new(),
        releases: Vec::new(),
        series: None,
        snapshot: None,
    }
}

/// An event as it is stored.
pub fn new_event(event: &impl DomainEvent) -> NewEvent {
    NewEvent {
        event_type: event.event_type(),
        event_version: event.event_version(),
        payload: to_raw_value(event).expect("our events are JSON"),
    }
}

/// A snapshot of any state.
pub fn snapshot(schema: i32, state: &Value) -> NewSnapshot {
    NewSnapshot { schema, payload: to_raw_value(state).expect("a tree is JSON") }
}

/// A unit of these appends, without a key.
pub fn unit(appends: impl IntoIterator<Item = Append>) -> Unit {
    Unit { appends: appends.into_iter().collect(), key: None, metadata: metadata() }
}

/// The same unit under a client's key, for a request with this body.
pub fn keyed(unit: Unit, key: &str, body: u8) -> Unit {
    Unit { key: Some(self::key(key, body)), ..unit }
}

/// A client's key, for a request with this body.
pub fn key(key: &str, body: u8) -> IdempotencyKey {
    IdempotencyKey { key: key.to_owned(), request_hash: [body; 32] }
}

/// A claim on a value that no aggregate makes.
pub fn claim(value: &str) -> Claim {
    Claim::new("test.value", value)
}

/// What commands store beside an event.
pub fn metadata() -> Box<RawValue> {
    let fields = json!({
        "actor_kind": "system", "actor_id": "", "platform": "user", "command": "test",
        "correlation_id": "test", "causation_id": "test",
    });
    to_raw_value(&fields).expect("strings are JSON")
}
