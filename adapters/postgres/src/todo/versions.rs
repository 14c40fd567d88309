//! Every version of every todo: what lists showed at any place of the log.
//!
//! Rows are only added. The list at a place is the newest version of each todo up to there, in an
//! index that has the order of the list.

use std::{collections::HashMap, pin::pin, time::Duration};

use application::ports::{Cursor, ReadModel};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    Root, TenantId, TodoId,
    todo::{Sheet, Todo, TodoEvent},
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
    consumers::{COPY_ROWS_MIN, LOOKS_BACK, Piece, Projection, ProjectionError, Written, copy_or_insert},
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

    fn pieces(&self) -> Vec<Piece> {
        vec![Piece::within("todo_versions", Todo::TYPE)]
    }

    fn rests(&self) -> Duration {
        LOOKS_BACK
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
        if versions.len() < COPY_ROWS_MIN {
            insert(tx, &versions).await?;
        } else {
            copy_or_insert(tx, copy(tx, &versions), insert(tx, &versions)).await?;
        }
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

const COPY: &str = "COPY todo_versions (tenant_id, owner_id, id, number, text, archived, priority, due_at, assignee_id, \
     tags, completed_at, created_at, updated_at, version, position, tx_id, deleted) FROM STDIN BINARY";

const INSERT: &str = "INSERT INTO todo_versions (tenant_id, owner_id, id, number, text, archived, priority, due_at, \
     assignee_id, tags, completed_at, created_at, updated_at, version, position, tx_id, deleted) \
     SELECT n, o, i, num, txt, arch, prio, due, ass, string_to_array(tags, ',')::uuid[], done, cre, upd, ver, pos, x, d \
     FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bool[], $7::smallint[], \
       $8::timestamptz[], $9::uuid[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], \
       $14::bigint[], $15::bigint[], $16::xid8[], $17::bool[]) \
       AS u (n, o, i, num, txt, arch, prio, due, ass, tags, done, cre, upd, ver, pos, x, d) ON CONFLICT DO NOTHING";

/// Writes versions of which some may be there already.
async fn insert(tx: &Transaction<'_>, versions: &[Moved]) -> Result<(), Error> {
    // What nobody wrote down is in no list.
    let written: Vec<(&Moved, &Sheet)> =
        versions.iter().filter_map(|moved| Some((moved, moved.todo.sheet()?))).collect();
    macro_rules! column {
        (|$moved:pat_param, $sheet:pat_param| $value:expr) => {
            &written.iter().map(|($moved, $sheet)| $value).collect::<Vec<_>>()
        };
    }
    let tags = |sheet: &Sheet| sheet.tags.iter().map(|tag| tag.0.to_string()).collect::<Vec<_>>().join(",");
    let params: [&(dyn ToSql + Sync); 17] = [
        column!(|_, sheet| sheet.tenant.0),
        column!(|_, sheet| sheet.owner.0),
        column!(|moved, _| moved.key.1.0),
        column!(|_, sheet| sheet.number),
        column!(|_, sheet| sheet.text.as_str()),
        column!(|_, sheet| sheet.archived),
        column!(|_, sheet| priority_to_sql(sheet.priority)),
        column!(|_, sheet| sheet.due_at),
        column!(|_, sheet| sheet.assignee.map(|user| user.0)),
        column!(|_, sheet| tags(sheet)),
        column!(|_, sheet| sheet.completed_at),
        column!(|_, sheet| sheet.created_at),
        column!(|_, sheet| sheet.updated_at),
        column!(|moved, _| moved.version),
        column!(|moved, _| moved.cursor.position),
        column!(|moved, _| Xid(moved.cursor.tx)),
        column!(|moved, _| matches!(moved.todo, Todo::Deleted(_))),
    ];
    let statement = tx.prepare_cached(INSERT).await?;
    tx.execute(&statement, &params).await.map(drop)
}

/// Copies versions in; one that is there already fails all of them.
async fn copy(tx: &Transaction<'_>, versions: &[Moved]) -> Result<(), Error> {
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
    let statement = tx.prepare_cached(COPY).await?;
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
