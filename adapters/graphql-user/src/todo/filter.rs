//! Filters and orders of todos.

use application::{
    Direction, Filter, Test,
    todo::{TodoField, TodoFilter, TodoSort, TodoStatus as Status},
};
use async_graphql::{Enum, InputObject, Result};
use domain::{TagId, TodoId, UserId, todo::Priority};

use super::types::{TodoPriority, TodoStatus};
use crate::{
    filter::{BooleanFilter, DateTimeFilter, IdFilter, StringFilter, fields, too_large},
    tag::SortDirection,
};

/// Tests of a priority.
#[derive(InputObject, Default, Clone)]
pub(crate) struct TodoPriorityFilter {
    eq: Option<TodoPriority>,
    ne: Option<TodoPriority>,
    #[graphql(name = "in")]
    one_of: Option<Vec<TodoPriority>>,
    /// Presses more.
    gt: Option<TodoPriority>,
    /// Presses as much or more.
    gte: Option<TodoPriority>,
    /// Presses less.
    lt: Option<TodoPriority>,
    /// Presses as much or less.
    lte: Option<TodoPriority>,
}

impl TodoPriorityFilter {
    fn tests(self) -> Vec<Test<Priority>> {
        let own = Priority::from;
        let tests = [
            self.eq.map(own).map(Test::Eq),
            self.ne.map(own).map(Test::Ne),
            self.one_of.map(|list| Test::In(list.into_iter().map(own).collect())),
            self.gt.map(own).map(Test::Gt),
            self.gte.map(own).map(Test::Gte),
            self.lt.map(own).map(Test::Lt),
            self.lte.map(own).map(Test::Lte),
        ];
        tests.into_iter().flatten().collect()
    }
}

/// Tests of a status.
#[derive(InputObject, Default, Clone)]
pub(crate) struct TodoStatusFilter {
    eq: Option<TodoStatus>,
    ne: Option<TodoStatus>,
    #[graphql(name = "in")]
    one_of: Option<Vec<TodoStatus>>,
}

impl TodoStatusFilter {
    fn tests(self) -> Vec<Test<Status>> {
        let own = Status::from;
        let tests = [
            self.eq.map(own).map(Test::Eq),
            self.ne.map(own).map(Test::Ne),
            self.one_of.map(|list| Test::In(list.into_iter().map(own).collect())),
        ];
        tests.into_iter().flatten().collect()
    }
}

/// Which todos.
#[derive(InputObject, Default, Clone)]
#[graphql(name = "TodoFilter")]
pub(crate) struct TodoFilterInput {
    /// All of these hold.
    and: Option<Vec<TodoFilterInput>>,
    /// One of these holds.
    or: Option<Vec<TodoFilterInput>>,
    id: Option<IdFilter>,
    text: Option<StringFilter>,
    status: Option<TodoStatusFilter>,
    done: Option<BooleanFilter>,
    priority: Option<TodoPriorityFilter>,
    due_at: Option<DateTimeFilter>,
    created_at: Option<DateTimeFilter>,
    updated_at: Option<DateTimeFilter>,
    completed_at: Option<DateTimeFilter>,
    assignee_id: Option<IdFilter>,
    /// One of its tags passes; `ne`: none of them is this one.
    tag_id: Option<IdFilter>,
}

impl TodoFilterInput {
    pub(crate) fn parse(self) -> Result<TodoFilter> {
        self.tree()?.bounded().map_err(too_large)
    }

    fn tree(self) -> Result<TodoFilter> {
        let mut all: Vec<TodoFilter> = Vec::new();
        all.extend(fields(self.id.unwrap_or_default().tests("id", TodoId)?, TodoField::Id));
        all.extend(fields(self.text.unwrap_or_default().tests("text")?, TodoField::Text));
        all.extend(fields(self.status.unwrap_or_default().tests(), TodoField::Status));
        all.extend(fields(self.done.unwrap_or_default().tests(), TodoField::Done));
        all.extend(fields(self.priority.unwrap_or_default().tests(), TodoField::Priority));
        all.extend(fields(self.due_at.unwrap_or_default().tests("dueAt")?, TodoField::DueAt));
        all.extend(fields(self.created_at.unwrap_or_default().tests("createdAt")?, TodoField::CreatedAt));
        all.extend(fields(self.updated_at.unwrap_or_default().tests("updatedAt")?, TodoField::UpdatedAt));
        all.extend(fields(
            self.completed_at.unwrap_or_default().tests("completedAt")?,
            TodoField::CompletedAt,
        ));
        all.extend(fields(
            self.assignee_id.unwrap_or_default().tests("assigneeId", UserId)?,
            TodoField::Assignee,
        ));
        all.extend(fields(self.tag_id.unwrap_or_default().tests("tagId", TagId)?, TodoField::Tag));
        for part in self.and.unwrap_or_default() {
            all.push(part.tree()?);
        }
        if let Some(parts) = self.or {
            all.push(Filter::Any(parts.into_iter().map(Self::tree).collect::<Result<_>>()?));
        }
        Ok(Filter::All(all))
    }
}

/// By what todos are sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TodoSortField {
    CreatedAt,
    UpdatedAt,
    /// Those without a due time are last when ascending.
    DueAt,
    Priority,
    Text,
}

/// In which order; newest first when absent.
#[derive(InputObject, Clone, Copy)]
#[graphql(name = "TodoSort")]
pub(crate) struct TodoSortInput {
    field: TodoSortField,
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl TodoSortInput {
    pub(crate) fn order(sort: Option<Self>) -> TodoSort {
        let Some(Self { field, direction }) = sort else { return TodoSort::CreatedAt(Direction::Desc) };
        let direction = direction.into();
        match field {
            TodoSortField::CreatedAt => TodoSort::CreatedAt(direction),
            TodoSortField::UpdatedAt => TodoSort::UpdatedAt(direction),
            TodoSortField::DueAt => TodoSort::DueAt(direction),
            TodoSortField::Priority => TodoSort::Priority(direction),
            TodoSortField::Text => TodoSort::Text(direction),
        }
    }
}
