//! A todo as GraphQL shows one.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, relay::PageInfo};
use application::{
    Page,
    todo::{CountTodos, TodoFilter, TodoRow, TodoStatus as Status},
};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::todo::{Priority, reference};

use super::relations::Relations;
use crate::{
    tag::Tag,
    terms::{self, not_found},
    user::User,
};

/// How much a todo presses.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Priority")]
pub(crate) enum TodoPriority {
    Low,
    Normal,
    High,
    Urgent,
}

/// Whether a todo is in the archive.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Status")]
pub(crate) enum TodoStatus {
    Active,
    Archived,
}

/// Something to be done.
pub(crate) struct Todo {
    row: Arc<TodoRow>,
    relations: Arc<Relations>,
}

impl Todo {
    pub(crate) fn alone(row: Arc<TodoRow>) -> Self {
        let relations = Relations::of(std::iter::once(&*row));
        Self { row, relations }
    }
}

#[Object]
impl Todo {
    async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// `TODO-0001`: a running number of the tenant.
    async fn reference(&self) -> String {
        reference(self.row.number)
    }

    async fn text(&self) -> &str {
        &self.row.text
    }

    async fn status(&self) -> TodoStatus {
        self.row.status.into()
    }

    async fn done(&self) -> bool {
        self.row.completed_at.is_some()
    }

    async fn priority(&self) -> TodoPriority {
        self.row.priority.into()
    }

    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.row.due_at
    }

    async fn owner(&self, ctx: &Context<'_>) -> Result<User> {
        let owner = self.relations.person(ctx, self.row.owner).await?;
        owner.map(User).ok_or_else(|| not_found("owner"))
    }

    async fn assignee(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(assignee) = self.row.assignee else { return Ok(None) };
        Ok(self.relations.person(ctx, assignee).await?.map(User))
    }

    async fn tags(&self, ctx: &Context<'_>) -> Result<Vec<Tag>> {
        let tags = self.relations.tags(ctx, &self.row.tags).await?;
        Ok(tags.into_iter().map(Tag).collect())
    }

    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    async fn completed_at(&self) -> Option<DateTime<Utc>> {
        self.row.completed_at
    }

    /// One up per event.
    async fn version(&self) -> i32 {
        terms::version(self.row.version)
    }
}

/// A todo in a list.
#[derive(SimpleObject)]
pub(crate) struct TodoEdge {
    cursor: CursorText,
    node: Todo,
}

/// A page of todos.
pub(crate) struct TodoConnection {
    page: Page<Arc<TodoRow>>,
    relations: Arc<Relations>,
    filter: TodoFilter,
    list: String,
}

impl TodoConnection {
    pub(crate) fn new(page: Page<TodoRow>, filter: TodoFilter, list: String) -> Self {
        let relations = Relations::of(page.edges.iter().map(|edge| &edge.node));
        let edges = page.edges.into_iter();
        let edges =
            edges.map(|edge| application::Edge { key: edge.key, node: Arc::new(edge.node) }).collect();
        let page = Page { edges, has_next: page.has_next, has_previous: page.has_previous };
        Self { page, relations, filter, list }
    }

    fn node(&self, row: &Arc<TodoRow>) -> Todo {
        Todo { row: Arc::clone(row), relations: Arc::clone(&self.relations) }
    }
}

#[Object]
impl TodoConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<TodoEdge> {
        let text = |key| CursorText(ctx.codec().keyset(&self.list, key));
        self.page
            .edges
            .iter()
            .map(|edge| TodoEdge { cursor: text(&edge.key), node: self.node(&edge.node) })
            .collect()
    }

    async fn nodes(&self) -> Vec<Todo> {
        self.page.edges.iter().map(|edge| self.node(&edge.node)).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, &self.list, ctx.codec())
    }

    /// How many todos pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountTodos { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(terms::version).map_err(failed)
    }
}
