//! Every version of every todo: what lists showed at any place of the log.
//!
//! Rows are only added. The list at a place is the newest version of each todo up to there, in an
//! index that has the order of the list.

use std::{collections::HashMap, pin::pin};

use application::ports::{Cursor, ReadModel};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Root, TenantId, TodoId,
    todo::{Todo, TodoEvent},
    upcasters,
};
use tokio_postgres::{
    Error,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{
    order::priority_to_sql,
    rows::{self, COLUMNS},
    todo_list::ids,
};
use crate::{
    consumers::{Projection, ProjectionError, Written, copy_or_insert},
    log::Recorded,
    xid::Xid,
};

/// See the module.
pub struct TodoVersionsProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for TodoVersionsProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

type Key = (TenantId, TodoId);

/// A todo after an event.
struct Moved {
    key: Key,
    todo: Todo,
    version: i64,
    cursor: Cursor,
}

#[async_trait]
impl Projection for TodoVersionsProjection {
    fn name(&self) -> &'static str {
        ReadModel::TodoVersions.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Todo::TYPE]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        let mut facts = Vec::with_capacity(batch.len());
        for recorded in batch {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let (tenant, id) = ids(&recorded.stream).map_err(poison)?;
            let event: TodoEvent = recorded.event(&self.steps).map_err(poison)?;
            facts.push(((tenant, TodoId(id)), recorded, event));
        }
        let known = facts.iter().filter(|(_, recorded, _)| recorded.sequence > 1).map(|(key, ..)| *key);
        let mut newest = newest(tx, known).await?;
        let mut versions = Vec::with_capacity(facts.len());
        for (key, recorded, event) in facts {
            let (version, todo) = newest.entry(key).or_default();
            // Written already: a batch that is read twice changes nothing.
            if recorded.sequence <= *version {
                continue;
            }
            todo.evolve(event);
            *version = recorded.sequence;
            versions.push(Moved { key, todo: todo.clone(), version: *version, cursor: recorded.cursor });
        }
        copy_or_insert(tx, copy(tx, &versions), insert(tx, &versions)).await?;
        Ok(Written::default())
    }
}

/// The newest versions of these todos, as they are before a batch.
async fn newest(
    tx: &Transaction<'_>,
    keys: impl Iterator<Item = Key>,
) -> Result<HashMap<Key, (i64, Todo)>, Error> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = keys.map(|(tenant, id)| (tenant.0, id.0)).unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT {COLUMNS}, deleted FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[])) AS k (of_tenant, of_id) \
         CROSS JOIN LATERAL (SELECT * FROM todo_versions AS v WHERE v.tenant_id = k.of_tenant AND v.id = k.of_id \
         ORDER BY v.version DESC LIMIT 1) AS n"
    );
    let statement = tx.prepare_cached(&sql).await?;
    let found = tx.query(&statement, &[&tenants, &ids]).await?;
    let read = |row: &tokio_postgres::Row| {
        let deleted: bool = row.get(15);
        let row = rows::read(row);
        let (key, version) = ((row.tenant, row.id), row.version);
        let sheet = rows::sheet(row);
        (key, (version, if deleted { Todo::Deleted(sheet) } else { Todo::Written(sheet) }))
    };
    Ok(found.iter().map(read).collect())
}

/// The columns, in the order in which they are written.
const WRITTEN: &str = "tenant_id, owner_id, id, number, text, archived, priority, due_at, assignee_id, tags, \
     completed_at, created_at, updated_at, version, position, tx_id, deleted";

/// Copies versions in; one that is there already fails all of them.
async fn copy(tx: &Transaction<'_>, versions: &[Moved]) -> Result<(), Error> {
    write(tx, "todo_versions", versions).await
}

/// Writes versions of which some may be there already.
async fn insert(tx: &Transaction<'_>, versions: &[Moved]) -> Result<(), Error> {
    let aside = "CREATE TEMPORARY TABLE again (LIKE todo_versions) ON COMMIT DROP";
    tx.batch_execute(aside).await?;
    write(tx, "again", versions).await?;
    let sql =
        format!("INSERT INTO todo_versions ({WRITTEN}) SELECT {WRITTEN} FROM again ON CONFLICT DO NOTHING");
    tx.batch_execute(&sql).await
}

async fn write(tx: &Transaction<'_>, table: &str, versions: &[Moved]) -> Result<(), Error> {
    const TYPES: [Type; 17] = [
        Type::UUID,
        Type::UUID,
        Type::UUID,
        Type::INT8,
        Type::TEXT,
        Type::BOOL,
        Type::INT2,
        Type::TIMESTAMPTZ,
        Type::UUID,
        Type::UUID_ARRAY,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::INT8,
        Type::INT8,
        Type::XID8,
        Type::BOOL,
    ];
    let statement = tx.prepare(&format!("COPY {table} ({WRITTEN}) FROM STDIN BINARY")).await?;
    let sink = tx.copy_in(&statement).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for Moved { key: (_, id), todo, version, cursor } in versions {
        // Nobody wrote it down: there is nothing that a list could show.
        let Some(sheet) = todo.sheet() else { continue };
        let tags: Vec<Uuid> = sheet.tags.iter().map(|tag| tag.0).collect();
        let row: [&(dyn ToSql + Sync); 17] = [
            &sheet.tenant.0,
            &sheet.owner.0,
            &id.0,
            &sheet.number,
            &sheet.text.as_str(),
            &sheet.archived,
            &priority_to_sql(sheet.priority),
            &sheet.due_at,
            &sheet.assignee.map(|user| user.0),
            &tags,
            &sheet.completed_at,
            &sheet.created_at,
            &sheet.updated_at,
            version,
            &cursor.position,
            &Xid(cursor.tx),
            &matches!(todo, Todo::Deleted(_)),
        ];
        writer.as_mut().write(&row).await?;
    }
    writer.finish().await.map(drop)
}
