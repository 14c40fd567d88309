//! The projection: one row a todo.
//!
//! A row holds what the aggregate's state holds, so that the domain's own `evolve` moves it on.

use application::{
    BoxError,
    ports::{Cursor, ReadModel},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Root, StreamId, TenantId, TodoId,
    todo::{Todo, TodoEvent},
    upcasters,
};
use uuid::Uuid;

use super::store::{self, Leaves, Rows};
use crate::{
    consumers::{COPY_ROWS_MIN, Piece, Projection, ProjectionError, Written, copy_or_insert},
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

    fn pieces(&self) -> Vec<Piece> {
        vec![Piece::within("todo_list", Todo::TYPE)]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let mut facts = Vec::with_capacity(batch.len());
        for event in batch {
            facts
                .push(self.fact(event).map_err(|cause| ProjectionError::Poison { at: event.cursor, cause })?);
        }
        // A todo that is created in this batch has no row yet: most batches read none.
        let mut rows = store::load(tx, facts.iter().filter(|fact| fact.sequence > 1).map(Fact::key)).await?;
        for fact in facts {
            apply(&mut rows, fact);
        }
        let leaves = Leaves::of(&rows);
        leaves.change(tx).await?;
        let fresh = &leaves.fresh;
        if fresh.len() < COPY_ROWS_MIN {
            store::upsert(tx, fresh).await?;
        } else {
            copy_or_insert(tx, store::copy(tx, fresh), store::upsert(tx, fresh)).await?;
        }
        Ok(Written::default())
    }
}

/// An event, decoded.
struct Fact {
    tenant: TenantId,
    id: TodoId,
    sequence: i64,
    cursor: Cursor,
    event: TodoEvent,
}

impl Fact {
    fn key(&self) -> (TenantId, TodoId) {
        (self.tenant, self.id)
    }
}

impl TodoListProjection {
    fn fact(&self, recorded: &Recorded) -> Result<Fact, BoxError> {
        let (tenant, id) = ids(&recorded.stream)?;
        Ok(Fact {
            tenant,
            id: TodoId(id),
            sequence: recorded.sequence,
            cursor: recorded.cursor,
            event: recorded.event(&self.steps)?,
        })
    }
}

/// The tenant and own id of a stream that belongs to a tenant.
pub(crate) fn ids(stream: &StreamId) -> Result<(TenantId, Uuid), BoxError> {
    stream.tenant().zip(stream.own()).ok_or_else(|| format!("{stream} does not belong to a tenant").into())
}

fn apply(rows: &mut Rows, fact: Fact) {
    let row = rows.entry(fact.key()).or_default();
    // Written already: a batch that is read twice changes nothing.
    if fact.sequence <= row.version {
        return;
    }
    row.todo.evolve(fact.event);
    row.version = fact.sequence;
    row.position = fact.cursor.position;
    row.touched = true;
}
