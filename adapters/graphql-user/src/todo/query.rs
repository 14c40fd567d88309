//! What can be asked about todos.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, problem, relay};
use application::{
    Code, PAGE_MAX, PageRequest, Problem, Window,
    todo::{GetTodo, ListTodos, TodoHistory},
};
use async_graphql::{Context, ID, Object, Result};
use domain::TodoId;
use uuid::Uuid;

use super::{
    filter::{TodoFilterInput, TodoSortInput},
    history::TodoHistoryConnection,
    types::{Todo, TodoConnection},
};
use crate::terms::{known, page_weight, read_position};

#[derive(Default)]
pub(crate) struct TodoQuery;

#[Object]
impl TodoQuery {
    /// One of your own todos.
    async fn todo(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Todo>> {
        // What cannot be an id is as unknown as any other, to those who may ask at all.
        let id = TodoId(known(&id).unwrap_or(Uuid::nil()));
        let row = ctx.app().ask(ctx.caller(), GetTodo { id }, ctx.after()).await.map_err(failed)?;
        Ok(row.map(|row| Todo::alone(Arc::new(row))))
    }

    /// Your own todos, newest first unless you say otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn todos(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<TodoFilterInput>,
        sort: Option<TodoSortInput>,
    ) -> Result<TodoConnection> {
        let sort = TodoSortInput::order(sort);
        let of_list = format!("todos {sort:?}");
        let filter = filter.unwrap_or_default().parse()?;
        let window = relay::window(ctx, &of_list, first, after, last, before)?;
        let request = PageRequest { filter: filter.clone(), sort, window };
        let page = ctx.app().ask(ctx.caller(), ListTodos { request }, ctx.after()).await.map_err(failed)?;
        Ok(TodoConnection::new(page, filter, of_list))
    }

    /// What happened to one of your own todos, oldest first, even after it is gone.
    #[graphql(complexity = "page_weight(first, None, child_complexity)")]
    async fn todo_history(
        &self,
        ctx: &Context<'_>,
        id: ID,
        first: Option<i32>,
        after: Option<CursorText>,
    ) -> Result<TodoHistoryConnection> {
        let after = read_position(ctx, after, "after")?;
        let window = Window::of(first, after, None, None).map_err(|_| {
            let message = format!("first must be between 1 and {PAGE_MAX}");
            problem(Problem::new(Code::ValidationFailed, message).of_field("first"))
        })?;
        let id = TodoId(known(&id).unwrap_or(Uuid::nil()));
        let query = TodoHistory { id, after, limit: window.size() + 1 };
        let entries = ctx.app().ask(ctx.caller(), query, ctx.after()).await.map_err(failed)?;
        Ok(TodoHistoryConnection::new(entries, window.size(), after))
    }
}
