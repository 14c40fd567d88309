//! Filters and orders of todos in SQL.

use application::{
    Direction, Keyset, Test,
    todo::{TodoField, TodoRow, TodoSort, TodoStatus},
};
use domain::{TagId, todo::Priority};

use crate::keyset::Where;

pub(super) fn field(sql: &mut Where, field: &TodoField) {
    match field {
        TodoField::Id(test) => sql.test("id", "uuid", test, |id| id.0),
        TodoField::Text(test) => sql.test("text", "text", test, Clone::clone),
        TodoField::Status(test) => {
            sql.test("archived", "bool", test, |status| *status == TodoStatus::Archived);
        }
        TodoField::Done(test) => sql.test("(completed_at IS NOT NULL)", "bool", test, |done| *done),
        TodoField::Priority(test) => {
            sql.test("priority", "smallint", test, |priority| priority_to_sql(*priority));
        }
        TodoField::DueAt(test) => sql.test("due_at", "timestamptz", test, |at| *at),
        TodoField::CreatedAt(test) => sql.test("created_at", "timestamptz", test, |at| *at),
        TodoField::UpdatedAt(test) => sql.test("updated_at", "timestamptz", test, |at| *at),
        TodoField::CompletedAt(test) => sql.test("completed_at", "timestamptz", test, |at| *at),
        TodoField::Owner(test) => sql.test("owner_id", "uuid", test, |user| user.0),
        TodoField::Assignee(test) => sql.test("assignee_id", "uuid", test, |user| user.0),
        TodoField::Tag(test) => tag_field(sql, test),
    }
}

/// A todo has many tags: one of them must pass, and "not" means none of them.
fn tag_field(sql: &mut Where, test: &Test<TagId>) {
    match test {
        Test::IsNull(wanted) => sql.push(if *wanted { "tags = '{}'" } else { "tags <> '{}'" }),
        Test::Ne(tag) => {
            let place = sql.bind(tag.0);
            sql.push(&format!("NOT {place}::uuid = ANY(tags)"));
        }
        Test::Eq(_)
        | Test::In(_)
        | Test::Gt(_)
        | Test::Gte(_)
        | Test::Lt(_)
        | Test::Lte(_)
        | Test::Between(..)
        | Test::Like(_) => {
            sql.push("EXISTS (SELECT FROM unnest(tags) AS one WHERE ");
            sql.test("one", "uuid", test, |tag| tag.0);
            sql.push(")");
        }
    }
}

/// The sort expression, its type and direction. None is ever null.
pub(super) const fn order(sort: TodoSort) -> (&'static str, &'static str, Direction) {
    match sort {
        TodoSort::CreatedAt(direction) => ("created_at", "timestamptz", direction),
        TodoSort::UpdatedAt(direction) => ("updated_at", "timestamptz", direction),
        TodoSort::DueAt(direction) => ("COALESCE(due_at, 'infinity')", "timestamptz", direction),
        TodoSort::Priority(direction) => ("priority", "smallint", direction),
        TodoSort::Text(direction) => ("text", "text", direction),
    }
}

pub(super) fn key(row: &TodoRow, sort: TodoSort) -> Keyset {
    let value = match sort {
        TodoSort::CreatedAt(_) => row.created_at.to_rfc3339(),
        TodoSort::UpdatedAt(_) => row.updated_at.to_rfc3339(),
        TodoSort::DueAt(_) => row.due_at.map_or_else(|| "infinity".to_owned(), |at| at.to_rfc3339()),
        TodoSort::Priority(_) => priority_to_sql(row.priority).to_string(),
        TodoSort::Text(_) => row.text.clone(),
    };
    Keyset { value: Some(value), id: row.id.0 }
}

pub(super) const fn priority_to_sql(priority: Priority) -> i16 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
        Priority::Urgent => 3,
    }
}
