//! The projection: one row a todo, one row a change, written together.
//!
//! A row holds what the aggregate's state holds, so that the domain's own `evolve` moves it on.

use std::collections::HashMap;

use application::{
    BoxError, Member,
    ports::{Change, Cursor, ReadModel},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Root, StreamId, TenantId, TodoId, UserId,
    todo::{Todo, TodoEvent},
    upcasters,
};
use uuid::Uuid;

use super::{
    changes::{self, NewChange},
    rows::{self, Row},
};
use crate::{
    consumers::{Projection, ProjectionError, Written},
    log::Recorded,
};

/// See the module.
pub struct TodoListProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for TodoListProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

#[async_trait]
impl Projection for TodoListProjection {
    fn name(&self) -> &'static str {
        ReadModel::TodoList.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Todo::TYPE]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let mut facts = Vec::with_capacity(batch.len());
        for event in batch {
            facts
                .push(self.fact(event).map_err(|cause| ProjectionError::Poison { at: event.cursor, cause })?);
        }
        // A todo that is created in this batch has no row yet: most batches read none.
        let mut rows = rows::load(tx, facts.iter().filter(|fact| fact.sequence > 1).map(Fact::key)).await?;
        let mut changes = Vec::with_capacity(facts.len());
        for fact in facts {
            if let Some(change) = apply(&mut rows, fact) {
                changes.push(change);
            }
        }
        rows::store(tx, &rows).await?;
        Ok(Written { changes: changes::store(tx, changes).await? })
    }
}

/// An event, decoded.
struct Fact {
    tenant: TenantId,
    id: TodoId,
    sequence: i64,
    cursor: Cursor,
    event_type: String,
    event: TodoEvent,
    actor_kind: String,
    actor_id: Option<Uuid>,
}

impl Fact {
    fn key(&self) -> (TenantId, TodoId) {
        (self.tenant, self.id)
    }
}

impl TodoListProjection {
    fn fact(&self, recorded: &Recorded) -> Result<Fact, BoxError> {
        let (tenant, id) = ids(&recorded.stream)?;
        let (actor_kind, actor_id) = changes::actor(&recorded.metadata)?;
        Ok(Fact {
            tenant,
            id: TodoId(id),
            sequence: recorded.sequence,
            cursor: recorded.cursor,
            event_type: recorded.event_type.clone(),
            event: recorded.event(&self.steps)?,
            actor_kind,
            actor_id,
        })
    }
}

/// The tenant and own id of a stream that belongs to a tenant.
pub(crate) fn ids(stream: &StreamId) -> Result<(TenantId, Uuid), BoxError> {
    stream.tenant().zip(stream.own()).ok_or_else(|| format!("{stream} does not belong to a tenant").into())
}

fn apply(rows: &mut HashMap<(TenantId, TodoId), Row>, fact: Fact) -> Option<NewChange> {
    let row = rows.entry(fact.key()).or_default();
    // Written already: a batch that is read twice changes nothing.
    if fact.sequence <= row.version {
        return None;
    }
    let at = fact.event.at();
    row.todo.evolve(fact.event);
    row.version = fact.sequence;
    row.position = fact.cursor.position;
    row.touched = true;
    let owner: UserId = row.todo.sheet()?.owner;
    Some(NewChange {
        of: Member { tenant: fact.tenant, user: owner },
        version: fact.sequence,
        actor_kind: fact.actor_kind,
        actor_id: fact.actor_id,
        change: Change {
            topic: String::new(),
            cursor: fact.cursor,
            previous: Cursor::default(),
            id: fact.id.0,
            event_type: fact.event_type,
            at,
        },
    })
}
