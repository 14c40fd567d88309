//! Which todos, and in which order, from the parameters of a list or an export.

use application::{
    Direction, Filter, Test,
    todo::{TodoField, TodoFilter, TodoSort},
};
use chrono::{DateTime, Datelike, Utc};
use domain::{TagId, UserId};
use poem_openapi::Enum;

use super::types::{TodoPriority, TodoStatus, id};
use crate::Problem;

/// By what todos are sorted; `-` is descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum TodoOrder {
    /// Oldest first.
    #[oai(rename = "createdAt")]
    CreatedAt,
    /// Newest first.
    #[oai(rename = "-createdAt")]
    CreatedAtDown,
    /// Longest untouched first.
    #[oai(rename = "updatedAt")]
    UpdatedAt,
    /// Last changed first.
    #[oai(rename = "-updatedAt")]
    UpdatedAtDown,
    /// Due soonest first; those without a due time are last.
    #[oai(rename = "dueAt")]
    DueAt,
    /// Due latest first.
    #[oai(rename = "-dueAt")]
    DueAtDown,
    /// What presses least first.
    #[oai(rename = "priority")]
    Priority,
    /// What presses most first.
    #[oai(rename = "-priority")]
    PriorityDown,
    /// By text.
    #[oai(rename = "text")]
    Text,
    /// By text, from the end.
    #[oai(rename = "-text")]
    TextDown,
}

impl From<TodoOrder> for TodoSort {
    fn from(order: TodoOrder) -> Self {
        match order {
            TodoOrder::CreatedAt => Self::CreatedAt(Direction::Asc),
            TodoOrder::CreatedAtDown => Self::CreatedAt(Direction::Desc),
            TodoOrder::UpdatedAt => Self::UpdatedAt(Direction::Asc),
            TodoOrder::UpdatedAtDown => Self::UpdatedAt(Direction::Desc),
            TodoOrder::DueAt => Self::DueAt(Direction::Asc),
            TodoOrder::DueAtDown => Self::DueAt(Direction::Desc),
            TodoOrder::Priority => Self::Priority(Direction::Asc),
            TodoOrder::PriorityDown => Self::Priority(Direction::Desc),
            TodoOrder::Text => Self::Text(Direction::Asc),
            TodoOrder::TextDown => Self::Text(Direction::Desc),
        }
    }
}

/// What the parameters say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) status: Option<TodoStatus>,
    pub(crate) done: Option<bool>,
    pub(crate) priority: Option<TodoPriority>,
    pub(crate) assignee: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) updated_since: Option<DateTime<Utc>>,
}

/// The years that RFC 3339 knows; Postgres cannot hold all that lie outside.
const YEARS: std::ops::RangeInclusive<i32> = 0..=9999;

impl Wanted {
    /// All of it must hold.
    pub(crate) fn filter(self) -> Result<TodoFilter, Problem> {
        let mut all = Vec::new();
        let mut add = |field| all.push(Filter::Field(field));
        if let Some(status) = self.status {
            add(TodoField::Status(Test::Eq(status.into())));
        }
        if let Some(done) = self.done {
            add(TodoField::Done(Test::Eq(done)));
        }
        if let Some(priority) = self.priority {
            add(TodoField::Priority(Test::Eq(priority.into())));
        }
        if let Some(user) = self.assignee {
            // Nobody is somebody to look for, too.
            let nobody = user.eq_ignore_ascii_case("none");
            let test = if nobody { Test::IsNull(true) } else { Test::Eq(UserId(id(&user, "assigneeId")?)) };
            add(TodoField::Assignee(test));
        }
        if let Some(tag) = self.tag {
            add(TodoField::Tag(Test::Eq(TagId(id(&tag, "tagId")?))));
        }
        if let Some(since) = self.updated_since {
            if !YEARS.contains(&since.year()) {
                let problem = Problem::invalid("updatedSince cannot be compared with this time");
                return Err(problem.of_field("updatedSince"));
            }
            add(TodoField::UpdatedAt(Test::Gte(since)));
        }
        Ok(Filter::All(all))
    }
}
