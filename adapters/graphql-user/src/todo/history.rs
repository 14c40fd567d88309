//! What happened to a todo, when, by whom.

use adapter_web::{ContextExt, CursorText, relay::PageInfo};
use application::{
    ports::Cursor,
    todo::{HistoryEntry, TodoChangeKind},
};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::Actor;

use crate::{terms, user::User};

/// What happened to a todo.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "TodoChangeKind", name = "TodoChangeKind")]
pub(crate) enum Kind {
    Created,
    Updated,
    Completed,
    Reopened,
    Archived,
    Assigned,
    Tagged,
    Deleted,
}

/// Something that happened to a todo.
pub(crate) struct TodoHistoryEntry(HistoryEntry);

#[Object]
impl TodoHistoryEntry {
    /// What happened.
    async fn change(&self) -> Kind {
        TodoChangeKind::of(&self.0.event_type).into()
    }

    /// The stored name of the event, as `todo.text_changed`.
    async fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// The id of the person who did it; absent when it was not a person of your tenant.
    async fn by_id(&self) -> Option<ID> {
        match self.0.by {
            Actor::User(id) => Some(id.to_string().into()),
            Actor::Operator(_) | Actor::ApiKey(_) | Actor::System => None,
        }
    }

    /// The person who did it.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Actor::User(id) = self.0.by else { return Ok(None) };
        let rows = ctx.app().ask(ctx.caller(), application::user::PeopleById { ids: vec![id] }, None).await;
        let rows = rows.map_err(adapter_web::failed)?;
        Ok(rows.into_iter().next().map(|row| User(std::sync::Arc::new(row))))
    }

    /// The todo's version after it.
    async fn version(&self) -> i32 {
        terms::version(self.0.version)
    }
}

/// An entry and its place.
#[derive(SimpleObject)]
pub(crate) struct TodoHistoryEdge {
    cursor: CursorText,
    node: TodoHistoryEntry,
}

/// A page of a todo's history, oldest first.
pub(crate) struct TodoHistoryConnection {
    entries: Vec<HistoryEntry>,
    more: bool,
    resumed: bool,
}

impl TodoHistoryConnection {
    /// From one entry more than was wanted.
    pub(crate) fn new(mut entries: Vec<HistoryEntry>, size: usize, after: Option<Cursor>) -> Self {
        let more = entries.len() > size;
        entries.truncate(size);
        Self { entries, more, resumed: after.is_some() }
    }
}

#[Object]
impl TodoHistoryConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<TodoHistoryEdge> {
        let edge = |entry: &HistoryEntry| TodoHistoryEdge {
            cursor: terms::position(ctx, entry.cursor),
            node: TodoHistoryEntry(entry.clone()),
        };
        self.entries.iter().map(edge).collect()
    }

    async fn nodes(&self) -> Vec<TodoHistoryEntry> {
        self.entries.iter().cloned().map(TodoHistoryEntry).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        let text = |entry: &HistoryEntry| CursorText(ctx.codec().position(&entry.cursor));
        PageInfo {
            has_next_page: self.more,
            has_previous_page: self.resumed,
            start_cursor: self.entries.first().map(text),
            end_cursor: self.entries.last().map(text),
        }
    }
}
