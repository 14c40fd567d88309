//! The rows of todos, as the projection loads and stores them.

use std::{collections::HashMap, pin::pin};

use deadpool_postgres::Transaction;
use domain::{TenantId, TodoId, todo::Todo};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use uuid::Uuid;

use super::{
    rows::{self, COLUMNS},
    stored::{ARRAYS, NAMES, SELECTED, Stored, TYPES, columns, parameters},
};

/// A row while a batch moves it on.
#[derive(Default)]
pub(super) struct Row {
    pub(super) todo: Todo,
    pub(super) version: i64,
    pub(super) position: i64,
    pub(super) touched: bool,
    /// Whether it was there before the batch.
    pub(super) stored: bool,
}

pub(super) type Rows = HashMap<(TenantId, TodoId), Row>;

type Result<T> = std::result::Result<T, tokio_postgres::Error>;

/// The rows of these todos, as they are before a batch.
pub(super) async fn load(
    tx: &Transaction<'_>,
    keys: impl Iterator<Item = (TenantId, TodoId)>,
) -> Result<Rows> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = keys.map(|(tenant, id)| (tenant.0, id.0)).unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM todo_list WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))"
    );
    let statement = tx.prepare_cached(&sql).await?;
    let found = tx.query(&statement, &[&tenants, &ids]).await?;
    let row = |sql_row| {
        let row = rows::read(sql_row);
        let (version, position) = (row.version, sql_row.get(14));
        let key = (row.tenant, row.id);
        (key, Row { todo: Todo::Written(rows::sheet(row)), version, position, touched: false, stored: true })
    };
    Ok(found.iter().map(row).collect())
}

/// What a batch leaves to be written, in the order in which it happened.
#[derive(Default)]
pub(super) struct Leaves<'a> {
    /// Rows that were not there before.
    pub(super) fresh: Vec<Stored<'a>>,
    /// Rows that were.
    changed: Vec<Stored<'a>>,
    gone: Vec<(TenantId, TodoId)>,
}

impl<'a> Leaves<'a> {
    pub(super) fn of(rows: &'a Rows) -> Self {
        let mut leaves = Self::default();
        for ((tenant, id), row) in rows.iter().filter(|(_, row)| row.touched) {
            match &row.todo {
                Todo::Written(sheet) => {
                    let lines = if row.stored { &mut leaves.changed } else { &mut leaves.fresh };
                    lines.push(Stored::of(*id, sheet, row.version, row.position));
                }
                Todo::Deleted(_) => leaves.gone.push((*tenant, *id)),
                Todo::Unwritten => {}
            }
        }
        // As they came: neighbours in the log are neighbours in the table and in its indexes.
        leaves.fresh.sort_unstable_by_key(|line| line.position);
        leaves.changed.sort_unstable_by_key(|line| line.position);
        leaves
    }

    /// Writes what was there before and changed, and removes what is gone.
    pub(super) async fn change(&self, tx: &Transaction<'_>) -> Result<()> {
        if !self.gone.is_empty() {
            let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) =
                self.gone.iter().map(|(tenant, id)| (tenant.0, id.0)).unzip();
            let sql = "DELETE FROM todo_list \
                       WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))";
            let statement = tx.prepare_cached(sql).await?;
            tx.execute(&statement, &[&tenants, &ids]).await?;
        }
        upsert(tx, &self.changed).await
    }
}

/// Copies new rows in; one that is there already fails all of them.
pub(super) async fn copy(tx: &Transaction<'_>, lines: &[Stored<'_>]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let statement = tx.prepare_cached(&format!("COPY todo_list ({COLUMNS}) FROM STDIN BINARY")).await?;
    let sink = tx.copy_in(&statement).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for line in lines {
        writer.as_mut().write(&line.values()).await?;
    }
    writer.finish().await.map(drop)
}

/// Writes rows of which some may be there already.
pub(super) async fn upsert(tx: &Transaction<'_>, lines: &[Stored<'_>]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO todo_list AS t ({COLUMNS}) SELECT {SELECTED} FROM unnest({ARRAYS}) AS u ({NAMES}) \
         ON CONFLICT (tenant_id, id) DO UPDATE SET number = excluded.number, text = excluded.text, \
           archived = excluded.archived, priority = excluded.priority, due_at = excluded.due_at, \
           assignee_id = excluded.assignee_id, tags = excluded.tags, completed_at = excluded.completed_at, \
           updated_at = excluded.updated_at, version = excluded.version, position = excluded.position \
         WHERE t.version < excluded.version"
    );
    let columns = columns(&lines.iter().collect::<Vec<_>>());
    let statement = tx.prepare_cached(&sql).await?;
    tx.execute(&statement, &parameters(&columns)).await.map(drop)
}
