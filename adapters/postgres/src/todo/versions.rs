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
    rows::{self, COLUMNS},
    stored::{ARRAYS, NAMES, SELECTED, Stored, TYPES, columns, parameters},
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

/// A row.
struct Version<'a> {
    stored: Stored<'a>,
    tx: Xid,
    deleted: bool,
}

/// A todo after an event.
struct Moved {
    key: Key,
    todo: Todo,
    version: i64,
    cursor: Cursor,
}

impl Moved {
    /// Its row. What nobody wrote down is in no list.
    fn version(&self) -> Option<Version<'_>> {
        let Self { key: (_, id), todo, version, cursor } = self;
        let stored = Stored::of(*id, todo.sheet()?, *version, cursor.position);
        Some(Version { stored, tx: Xid(cursor.tx), deleted: matches!(todo, Todo::Deleted(_)) })
    }
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
        let versions: Vec<Version<'_>> = versions.iter().filter_map(Moved::version).collect();
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

/// Writes versions of which some may be there already.
async fn insert(tx: &Transaction<'_>, versions: &[Version<'_>]) -> Result<(), Error> {
    if versions.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO todo_versions ({COLUMNS}, tx_id, deleted) SELECT {SELECTED}, x, d \
         FROM unnest({ARRAYS}, $16::xid8[], $17::bool[]) AS u ({NAMES}, x, d) ON CONFLICT DO NOTHING"
    );
    let mut columns = columns(&versions.iter().map(|version| &version.stored).collect::<Vec<_>>());
    columns.push(Box::new(versions.iter().map(|version| version.tx).collect::<Vec<_>>()));
    columns.push(Box::new(versions.iter().map(|version| version.deleted).collect::<Vec<_>>()));
    let statement = tx.prepare_cached(&sql).await?;
    tx.execute(&statement, &parameters(&columns)).await.map(drop)
}

/// Copies versions in; one that is there already fails all of them.
async fn copy(tx: &Transaction<'_>, versions: &[Version<'_>]) -> Result<(), Error> {
    let sql = format!("COPY todo_versions ({COLUMNS}, tx_id, deleted) FROM STDIN BINARY");
    let statement = tx.prepare_cached(&sql).await?;
    let sink = tx.copy_in(&statement).await?;
    let types = [&TYPES[..], &[Type::XID8, Type::BOOL]].concat();
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for Version { stored, tx, deleted } in versions {
        let more: [&(dyn ToSql + Sync); 2] = [tx, deleted];
        writer.as_mut().write(&[&stored.values()[..], &more[..]].concat()).await?;
    }
    writer.finish().await.map(drop)
}
