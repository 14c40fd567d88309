//! Todos as operators see them: all of a tenant.

use adapter_web::{ContextExt, CursorText, failed, problem, relay, relay::PageInfo};
use application::{
    Code, Direction, Filter, Page, PageRequest, Problem, Test,
    ports::Cursor,
    todo::{
        AdminCountTodos, AdminDeleteTodo, AdminTodos, CountTodosAsOf, TodoField, TodoFilter, TodoRow,
        TodoSort, TodoStatus as Status, TodosAsOf, written_row,
    },
};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{TenantId, TodoId, UserId, todo};

use crate::audit::{AsOf, shown_at};
use crate::terms::{id, int, page_weight, position, terms, text_like};

#[derive(Default)]
pub(crate) struct TodoQuery;

#[derive(Default)]
pub(crate) struct TodoMutation;

/// How much a todo presses.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "todo::Priority")]
enum TodoPriority {
    Low,
    Normal,
    High,
    Urgent,
}

/// Whether a todo is in the archive.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Status")]
enum TodoStatus {
    Active,
    Archived,
}

/// Something to be done, as operators see it.
#[derive(SimpleObject)]
#[graphql(name = "Todo")]
struct AdminTodo {
    id: ID,
    tenant_id: ID,
    owner_id: ID,
    assignee_id: Option<ID>,
    tag_ids: Vec<ID>,
    /// `TODO-0001`: a running number of the tenant.
    reference: String,
    text: String,
    status: TodoStatus,
    done: bool,
    priority: TodoPriority,
    due_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    /// One up per event.
    version: i32,
}

impl From<&TodoRow> for AdminTodo {
    fn from(row: &TodoRow) -> Self {
        Self {
            id: row.id.to_string().into(),
            tenant_id: row.tenant.to_string().into(),
            owner_id: row.owner.to_string().into(),
            assignee_id: row.assignee.map(|user| user.to_string().into()),
            tag_ids: row.tags.iter().map(|tag| tag.to_string().into()).collect(),
            reference: todo::reference(row.number),
            text: row.text.clone(),
            status: row.status.into(),
            done: row.completed_at.is_some(),
            priority: row.priority.into(),
            due_at: row.due_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            completed_at: row.completed_at,
            version: int(row.version),
        }
    }
}

/// A todo in a list.
#[derive(SimpleObject)]
#[graphql(name = "TodoEdge")]
struct AdminTodoEdge {
    cursor: CursorText,
    node: AdminTodo,
}

/// A page of todos.
struct AdminTodoConnection {
    page: Page<TodoRow>,
    tenant: TenantId,
    filter: TodoFilter,
    as_of: Option<Cursor>,
    list: &'static str,
}

#[Object(name = "TodoConnection")]
impl AdminTodoConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<AdminTodoEdge> {
        let text = |key| CursorText(ctx.codec().keyset(self.list, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| AdminTodoEdge { cursor: text(&edge.key), node: (&edge.node).into() }).collect()
    }

    async fn nodes(&self) -> Vec<AdminTodo> {
        self.page.edges.iter().map(|edge| (&edge.node).into()).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, self.list, ctx.codec())
    }

    /// How many todos pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let (tenant, filter) = (self.tenant, self.filter.clone());
        let counted = match self.as_of {
            Some(at) => ctx.app().ask(ctx.caller(), CountTodosAsOf { tenant, at, filter }, None).await,
            None => ctx.app().ask(ctx.caller(), AdminCountTodos { tenant, filter }, None).await,
        };
        counted.map(int).map_err(failed)
    }
}

/// Which todos.
#[derive(InputObject, Default)]
struct AdminTodoFilter {
    /// Of this person.
    owner_id: Option<ID>,
    /// A pattern with `%` and `_`; ASCII letters alike in both cases.
    text_like: Option<String>,
    status: Option<TodoStatus>,
    done: Option<bool>,
}

impl AdminTodoFilter {
    fn parse(self) -> Result<TodoFilter> {
        let mut all = Vec::new();
        if let Some(owner) = self.owner_id {
            all.push(Filter::Field(TodoField::Owner(Test::Eq(UserId(id(&owner, "ownerId")?)))));
        }
        all.extend(
            text_like(self.text_like)?.map(|pattern| Filter::Field(TodoField::Text(Test::Like(pattern)))),
        );
        all.extend(self.status.map(|status| Filter::Field(TodoField::Status(Test::Eq(status.into())))));
        all.extend(self.done.map(|done| Filter::Field(TodoField::Done(Test::Eq(done)))));
        Ok(Filter::All(all))
    }
}

#[Object]
impl TodoQuery {
    /// All todos of a tenant, newest first; with `asOf`, as the list was then.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn admin_todos(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<AdminTodoFilter>,
        as_of: Option<AsOf>,
    ) -> Result<AdminTodoConnection> {
        let tenant = TenantId(id(&tenant_id, "tenantId")?);
        let of_list = "adminTodos";
        let filter = filter.unwrap_or_default().parse()?;
        let window = relay::window(ctx, of_list, first, after, last, before)?;
        let request =
            PageRequest { filter: filter.clone(), sort: TodoSort::CreatedAt(Direction::Desc), window };
        let as_of = match as_of {
            Some(as_of) => Some(as_of.place(ctx).await?),
            None => None,
        };
        let page = match as_of {
            Some(at) => {
                let asked = TodosAsOf { tenant, at, request };
                ctx.app().ask(ctx.caller(), asked, shown_at(ctx, at)).await
            }
            None => ctx.app().ask(ctx.caller(), AdminTodos { tenant, request }, ctx.after()).await,
        };
        Ok(AdminTodoConnection { page: page.map_err(failed)?, tenant, filter, as_of, list: of_list })
    }
}

/// A todo after an operator's change.
#[derive(SimpleObject)]
struct AdminTodoPayload {
    todo: AdminTodo,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

#[Object]
impl TodoMutation {
    /// Takes a todo away from whoever owns it, for ever. The payload shows it as it last was.
    async fn admin_delete_todo(
        &self,
        ctx: &Context<'_>,
        tenant_id: ID,
        #[graphql(name = "id")] of: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<AdminTodoPayload> {
        let delete =
            AdminDeleteTodo { tenant: TenantId(id(&tenant_id, "tenantId")?), id: TodoId(id(&of, "id")?) };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), delete, terms).await.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        let (version, cursor) = (int(done.version), position(ctx, done.cursor));
        let row =
            written_row(&done).ok_or_else(|| problem(Problem::new(Code::NotFound, "todo not found")))?;
        Ok(AdminTodoPayload { todo: (&row).into(), version, cursor })
    }
}
