//! A todo in the columns that the list and the versions have in common.

use domain::{Timestamp, TodoId, todo::Sheet};
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::order::priority_to_sql;

/// The types of [`super::rows::COLUMNS`].
pub(super) const TYPES: [Type; 15] = [
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
/// In place of rows, [`columns`]: how they are bound, what each is called, and what is selected of them.
/// Arrays of arrays are not taken apart by `unnest`, so that tags come as text.
pub(super) const ARRAYS: &str = "$1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bool[], $7::smallint[], \
     $8::timestamptz[], $9::uuid[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], \
     $14::bigint[], $15::bigint[]";
pub(super) const NAMES: &str = "n, o, i, num, txt, arch, prio, due, ass, tags, done, cre, upd, ver, pos";
pub(super) const SELECTED: &str =
    "n, o, i, num, txt, arch, prio, due, ass, string_to_array(tags, ',')::uuid[], done, cre, upd, ver, pos";

/// A row, as Postgres takes its values.
pub(super) struct Stored<'a> {
    tenant: Uuid,
    owner: Uuid,
    id: Uuid,
    number: i64,
    text: &'a str,
    archived: bool,
    priority: i16,
    due_at: Option<Timestamp>,
    assignee: Option<Uuid>,
    tags: Vec<Uuid>,
    completed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
    pub(super) position: i64,
}

impl<'a> Stored<'a> {
    pub(super) fn of(id: TodoId, sheet: &'a Sheet, version: i64, position: i64) -> Self {
        Self {
            tenant: sheet.tenant.0,
            owner: sheet.owner.0,
            id: id.0,
            number: sheet.number,
            text: sheet.text.as_str(),
            archived: sheet.archived,
            priority: priority_to_sql(sheet.priority),
            due_at: sheet.due_at,
            assignee: sheet.assignee.map(|user| user.0),
            tags: sheet.tags.iter().map(|tag| tag.0).collect(),
            completed_at: sheet.completed_at,
            created_at: sheet.created_at,
            updated_at: sheet.updated_at,
            version,
            position,
        }
    }

    /// In the order of the columns.
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 15] {
        [
            &self.tenant,
            &self.owner,
            &self.id,
            &self.number,
            &self.text,
            &self.archived,
            &self.priority,
            &self.due_at,
            &self.assignee,
            &self.tags,
            &self.completed_at,
            &self.created_at,
            &self.updated_at,
            &self.version,
            &self.position,
        ]
    }
}

/// A column of many rows.
pub(super) type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// The columns of many rows, in their order.
pub(super) fn columns<'a>(rows: &[&'a Stored<'a>]) -> Vec<Column<'a>> {
    macro_rules! column {
        (|$row:ident| $value:expr) => {
            Box::new(rows.iter().map(|$row| $value).collect::<Vec<_>>())
        };
    }
    let tags = |row: &Stored<'_>| row.tags.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
    vec![
        column!(|row| row.tenant),
        column!(|row| row.owner),
        column!(|row| row.id),
        column!(|row| row.number),
        column!(|row| row.text),
        column!(|row| row.archived),
        column!(|row| row.priority),
        column!(|row| row.due_at),
        column!(|row| row.assignee),
        column!(|row| tags(row)),
        column!(|row| row.completed_at),
        column!(|row| row.created_at),
        column!(|row| row.updated_at),
        column!(|row| row.version),
        column!(|row| row.position),
    ]
}

/// Columns as parameters.
pub(super) fn parameters<'c>(columns: &'c [Column<'_>]) -> Vec<&'c (dyn ToSql + Sync)> {
    columns.iter().map(|column| &**column as &(dyn ToSql + Sync)).collect()
}
