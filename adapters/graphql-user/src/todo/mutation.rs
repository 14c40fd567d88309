//! What can be done with todos.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed};
use application::{
    Command, Committed, Handle, Refusal,
    todo::{
        ArchiveTodo, AssignTodo, CompleteTodo, CreateTodo, DeleteTodo, ReopenTodo, TagTodo, UntagTodo,
        UpdateTodo, written_row,
    },
};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{TagId, TodoId, UserId, todo};

use super::types::{Todo, TodoPriority};
use crate::terms::{id, known, not_found, not_null, parse, position, stored, terms, version};

#[derive(Default)]
pub(crate) struct TodoMutation;

/// A new todo.
#[derive(InputObject)]
struct CreateTodoInput {
    /// 1 to 500 characters, not blank.
    text: String,
    /// `NORMAL` when absent.
    priority: Option<TodoPriority>,
    due_at: Option<DateTime<Utc>>,
    /// Tags of your tenant.
    tag_ids: Option<Vec<ID>>,
    /// A person of your tenant.
    assignee_id: Option<ID>,
}

/// What changes: absent is unchanged, null clears what can be empty.
#[derive(InputObject)]
struct UpdateTodoInput {
    text: MaybeUndefined<String>,
    priority: MaybeUndefined<TodoPriority>,
    due_at: MaybeUndefined<DateTime<Utc>>,
    /// These tags and no others.
    tag_ids: MaybeUndefined<Vec<ID>>,
    assignee_id: MaybeUndefined<ID>,
}

/// The todo after the change.
#[derive(SimpleObject)]
struct TodoPayload {
    todo: Todo,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

fn tags(ids: &[ID]) -> Result<Vec<TagId>> {
    ids.iter().map(|tag| id(tag, "tagIds").map(TagId)).collect()
}

fn own(id: &ID) -> Result<TodoId> {
    known(id).map(TodoId).ok_or_else(|| not_found("todo"))
}

/// Sends a command on a todo, and shows the todo after it.
async fn send<C>(
    ctx: &Context<'_>,
    command: C,
    key: Option<String>,
    expected: Option<i32>,
) -> Result<TodoPayload>
where
    C: Command<Output = Committed<todo::Todo>>,
    C::Rejection: Refusal,
    application::App: Handle<C>,
{
    let done = ctx.app().send(ctx.caller(), command, terms(key, expected)).await.map_err(failed)?;
    ctx.note_visibility(done.visibility);
    let row = written_row(&done).ok_or_else(|| not_found("todo"))?;
    Ok(TodoPayload {
        todo: Todo::alone(Arc::new(row)),
        version: version(done.version),
        cursor: position(ctx, done.cursor),
    })
}

#[Object]
impl TodoMutation {
    /// Writes a todo down.
    async fn create_todo(
        &self,
        ctx: &Context<'_>,
        input: CreateTodoInput,
        idempotency_key: Option<String>,
    ) -> Result<TodoPayload> {
        let create = CreateTodo {
            text: parse(input.text)?,
            priority: input.priority.map(Into::into).unwrap_or_default(),
            due_at: input.due_at.map(stored),
            tags: tags(&input.tag_ids.unwrap_or_default())?,
            assignee: input.assignee_id.map(|user| id(&user, "assigneeId").map(UserId)).transpose()?,
        };
        send(ctx, create, idempotency_key, None).await
    }

    /// Changes a todo.
    async fn update_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateTodoInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        let update = input.parse(own(&id)?)?;
        send(ctx, update, idempotency_key, expected_version).await
    }

    /// It is done.
    async fn complete_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        send(ctx, CompleteTodo { id: own(&id)? }, idempotency_key, expected_version).await
    }

    /// It is not done after all, or wanted back from the archive.
    async fn reopen_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        send(ctx, ReopenTodo { id: own(&id)? }, idempotency_key, expected_version).await
    }

    /// Out of sight. An archived todo rests until it is reopened.
    async fn archive_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        send(ctx, ArchiveTodo { id: own(&id)? }, idempotency_key, expected_version).await
    }

    /// For ever. The payload shows it as it last was.
    async fn delete_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        send(ctx, DeleteTodo { id: own(&id)? }, idempotency_key, expected_version).await
    }

    /// Sorts it under a tag of your tenant.
    async fn tag_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        tag_id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        let tag = TagId(crate::terms::id(&tag_id, "tagId")?);
        send(ctx, TagTodo { id: own(&id)?, tag }, idempotency_key, expected_version).await
    }

    /// No longer under that tag.
    async fn untag_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        tag_id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        let tag = TagId(crate::terms::id(&tag_id, "tagId")?);
        send(ctx, UntagTodo { id: own(&id)?, tag }, idempotency_key, expected_version).await
    }

    /// Gives it to a person of your tenant, or to nobody.
    async fn assign_todo(
        &self,
        ctx: &Context<'_>,
        id: ID,
        assignee_id: Option<ID>,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TodoPayload> {
        let assignee =
            assignee_id.map(|user| crate::terms::id(&user, "assigneeId").map(UserId)).transpose()?;
        send(ctx, AssignTodo { id: own(&id)?, assignee }, idempotency_key, expected_version).await
    }
}

impl UpdateTodoInput {
    fn parse(self, todo: TodoId) -> Result<UpdateTodo> {
        Ok(UpdateTodo {
            id: todo,
            text: match self.text {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => return Err(not_null("text")),
                MaybeUndefined::Value(text) => Some(parse(text)?),
            },
            priority: match self.priority {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => return Err(not_null("priority")),
                MaybeUndefined::Value(priority) => Some(priority.into()),
            },
            due_at: match self.due_at {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(at) => Some(Some(stored(at))),
            },
            tags: match self.tag_ids {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => return Err(not_null("tagIds")),
                MaybeUndefined::Value(ids) => Some(tags(&ids)?),
            },
            assignee: match self.assignee_id {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(user) => Some(Some(UserId(id(&user, "assigneeId")?))),
            },
        })
    }
}
