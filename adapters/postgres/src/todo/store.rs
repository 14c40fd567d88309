//! The rows of todos, as the projection loads and stores them.

use std::{collections::HashMap, pin::pin};

use deadpool_postgres::Transaction;
use domain::{
    TenantId, TodoId,
    todo::{Sheet, Todo},
};
use tokio_postgres::{
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{
    order::priority_to_sql,
    rows::{self, COLUMNS},
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
    pub(super) fresh: Vec<Line<'a>>,
    /// Rows that were.
    changed: Vec<Line<'a>>,
    gone: Vec<(TenantId, TodoId)>,
}

pub(super) struct Line<'a> {
    id: TodoId,
    sheet: &'a Sheet,
    row: &'a Row,
}

impl<'a> Leaves<'a> {
    pub(super) fn of(rows: &'a Rows) -> Self {
        let mut leaves = Self::default();
        for ((tenant, id), row) in rows.iter().filter(|(_, row)| row.touched) {
            match &row.todo {
                Todo::Written(sheet) => {
                    let lines = if row.stored { &mut leaves.changed } else { &mut leaves.fresh };
                    lines.push(Line { id: *id, sheet, row });
                }
                Todo::Deleted(_) => leaves.gone.push((*tenant, *id)),
                Todo::Unwritten => {}
            }
        }
        // As they came: neighbours in the log are neighbours in the table and in its indexes.
        leaves.fresh.sort_unstable_by_key(|line| line.row.position);
        leaves.changed.sort_unstable_by_key(|line| line.row.position);
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
pub(super) async fn copy(tx: &Transaction<'_>, lines: &[Line<'_>]) -> Result<()> {
    const TYPES: [Type; 15] = [
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
    ];
    if lines.is_empty() {
        return Ok(());
    }
    let statement = tx.prepare_cached(&format!("COPY todo_list ({COLUMNS}) FROM STDIN BINARY")).await?;
    let sink = tx.copy_in(&statement).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for Line { id, sheet, row } in lines {
        let tags: Vec<Uuid> = sheet.tags.iter().map(|tag| tag.0).collect();
        writer
            .as_mut()
            .write(&[
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
                &row.version,
                &row.position,
            ])
            .await?;
    }
    writer.finish().await.map(drop)
}

const UPSERT: &str = "INSERT INTO todo_list AS t (tenant_id, owner_id, id, number, text, archived, priority, due_at, \
     assignee_id, tags, completed_at, created_at, updated_at, version, position) \
     SELECT n, o, i, num, txt, arch, prio, due, ass, string_to_array(tags, ',')::uuid[], done, cre, upd, ver, pos \
     FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bool[], $7::smallint[], \
       $8::timestamptz[], $9::uuid[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], \
       $14::bigint[], $15::bigint[]) \
       AS u (n, o, i, num, txt, arch, prio, due, ass, tags, done, cre, upd, ver, pos) \
     ON CONFLICT (tenant_id, id) DO UPDATE SET number = excluded.number, text = excluded.text, \
       archived = excluded.archived, priority = excluded.priority, due_at = excluded.due_at, \
       assignee_id = excluded.assignee_id, tags = excluded.tags, completed_at = excluded.completed_at, \
       updated_at = excluded.updated_at, version = excluded.version, position = excluded.position \
     WHERE t.version < excluded.version";

/// Writes rows of which some may be there already.
pub(super) async fn upsert(tx: &Transaction<'_>, lines: &[Line<'_>]) -> Result<()> {
    macro_rules! column {
        (|$id:pat_param, $sheet:pat_param, $row:pat_param| $value:expr) => {
            &lines.iter().map(|Line { id: $id, sheet: $sheet, row: $row }| $value).collect::<Vec<_>>()
        };
    }
    if lines.is_empty() {
        return Ok(());
    }
    let tags = |sheet: &Sheet| sheet.tags.iter().map(|tag| tag.0.to_string()).collect::<Vec<_>>().join(",");
    let params: [&(dyn ToSql + Sync); 15] = [
        column!(|_, sheet, _| sheet.tenant.0),
        column!(|_, sheet, _| sheet.owner.0),
        column!(|id, _, _| id.0),
        column!(|_, sheet, _| sheet.number),
        column!(|_, sheet, _| sheet.text.as_str()),
        column!(|_, sheet, _| sheet.archived),
        column!(|_, sheet, _| priority_to_sql(sheet.priority)),
        column!(|_, sheet, _| sheet.due_at),
        column!(|_, sheet, _| sheet.assignee.map(|user| user.0)),
        column!(|_, sheet, _| tags(sheet)),
        column!(|_, sheet, _| sheet.completed_at),
        column!(|_, sheet, _| sheet.created_at),
        column!(|_, sheet, _| sheet.updated_at),
        column!(|_, _, row| row.version),
        column!(|_, _, row| row.position),
    ];
    let statement = tx.prepare_cached(UPSERT).await?;
    tx.execute(&statement, &params).await.map(drop)
}
