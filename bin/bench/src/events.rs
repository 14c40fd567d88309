//! Events as the application writes them, without the application.

use anyhow::Result;
use application::ports::{Append, Clock, NewEvent, Unit};
use chrono::Duration;
use domain::{
    Claim, StreamId, TagId, TenantId, Timestamp, TodoId, UserId,
    todo::{Priority, TodoEvent, TodoText},
};
use runtime::SystemClock;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use uuid::Uuid;

/// An id made of numbers: the same in every run.
pub(crate) fn id(kind: u16, number: usize) -> Uuid {
    Uuid::from_fields(0x0190_0000, kind, 0x7000, &(0x8000_0000_0000_0000 | number as u64).to_be_bytes())
}

/// A person of a tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
}

impl Owner {
    pub(crate) fn numbered(tenant: usize, user: usize) -> Self {
        Self { tenant: TenantId(id(1, tenant)), user: UserId(id(2, user)) }
    }
}

/// Who, from where, by which command: what the application stores with every event.
pub(crate) fn metadata(owner: Owner) -> Result<Box<RawValue>> {
    let request = id(3, 1);
    Ok(to_raw_value(&json!({
        "actor_kind": "user", "actor_id": owner.user, "platform": "user", "command": "todo.create",
        "correlation_id": request, "causation_id": request, "tenant_id": owner.tenant,
    }))?)
}

pub(crate) fn text(number: usize) -> String {
    format!("Write the report number {number} and send it")
}

pub(crate) fn created(owner: Owner, number: usize, at: Timestamp) -> TodoEvent {
    TodoEvent::Created {
        tenant: owner.tenant,
        owner: owner.user,
        number: 0,
        text: TodoText::stored(text(number)),
        priority: Priority::High,
        due_at: Some(at + Duration::days(3)),
        tags: vec![TagId(id(4, 1)), TagId(id(4, 2))],
        assignee: None,
        at,
    }
}

/// What a new todo has beside its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Nothing: the bare append.
    Nothing,
    /// The claim on its text and the next running number of its tenant, as `createTodo` has them.
    ClaimAndNumber,
}

/// One event of a new todo.
pub(crate) fn unit(
    owner: Owner,
    todo: TodoId,
    number: usize,
    extra: Extra,
    metadata: &RawValue,
) -> Result<Unit> {
    let whole = extra == Extra::ClaimAndNumber;
    let claim = || Claim::new("todo.active_text", format!("{}/{}", owner.user, text(number)));
    let event = NewEvent {
        event_type: "todo.created".to_owned(),
        event_version: "1".to_owned(),
        payload: to_raw_value(&created(owner, number, SystemClock.now()))?,
    };
    let append = Append {
        aggregate_type: "todo",
        stream: StreamId::within(owner.tenant, todo.0),
        seen: 0,
        events: vec![event],
        takes: if whole { vec![claim()] } else { Vec::new() },
        releases: Vec::new(),
        series: whole.then(|| format!("todo/{}", owner.tenant)),
        snapshot: None,
    };
    Ok(Unit { appends: vec![append], key: None, metadata: metadata.to_owned() })
}
