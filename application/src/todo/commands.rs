//! What can be done with todos.

use domain::{
    StreamId, TagId, Timestamp, TodoId, UserId,
    role::Permission,
    todo::{self, Priority, Todo, TodoCommand, TodoError, TodoText},
};
use serde::Serialize;

use super::{TodoRow, TodoStatus};
use crate::{
    Access, App, Caller, Code, Command, Committed, Failure, Handle, Member, Order, Outcome, Refusal, Terms,
    aggregates::broken,
    order::idempotency,
    ports::{IdempotencyKey, ReadModel},
};

/// Writes a todo down.
#[derive(Debug, Clone, Serialize)]
pub struct CreateTodo {
    /// What is to be done.
    pub text: TodoText,
    /// How much it presses.
    pub priority: Priority,
    /// Until when.
    pub due_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// Who does it.
    pub assignee: Option<UserId>,
}

/// Changes what is `Some`; the inner `None` clears.
#[derive(Debug, Clone, Serialize)]
pub struct UpdateTodo {
    /// Which.
    pub id: TodoId,
    /// Another text.
    pub text: Option<TodoText>,
    /// Another priority.
    pub priority: Option<Priority>,
    /// Another due time, or none.
    pub due_at: Option<Option<Timestamp>>,
    /// These tags and no others.
    pub tags: Option<Vec<TagId>>,
    /// Another assignee, or none.
    pub assignee: Option<Option<UserId>>,
}

macro_rules! todo_command {
    ($(#[$doc:meta])* $command:ident { $($field:ident: $kind:ty),* }, $name:literal, $permission:ident, $self:ident => $intent:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize)]
        pub struct $command { $(#[doc = stringify!($field)] pub $field: $kind,)* }

        todo_command!(declare $command, $name, $permission);

        impl Handle<$command> for App {
            async fn handle(&self, caller: &Caller, $self: $command, terms: Terms) -> Outcome<$command> {
                let key = idempotency(caller, $command::NAME, &$self, &terms);
                self.change_todo(caller, $self.id, $command::NAME, $intent, key, &terms).await
            }
        }
    };
    (declare $command:ident, $name:literal, $permission:ident) => {
        impl Command for $command {
            type Output = Committed<Todo>;
            type Rejection = TodoError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Needs(&[Permission::$permission]);
            const SHOWN_IN: &'static [ReadModel] = &[ReadModel::TodoList];
        }
    };
}

todo_command!(declare CreateTodo, "todo.create", CreateTodo);
todo_command!(declare UpdateTodo, "todo.update", UpdateTodo);
todo_command!(/** It is done. */ CompleteTodo { id: TodoId }, "todo.complete", UpdateTodo, it => TodoCommand::Complete);
todo_command!(/** It is not done after all. */ ReopenTodo { id: TodoId }, "todo.reopen", UpdateTodo, it => TodoCommand::Reopen);
todo_command!(/** Out of sight. */ ArchiveTodo { id: TodoId }, "todo.archive", UpdateTodo, it => TodoCommand::Archive);
todo_command!(/** For ever. */ DeleteTodo { id: TodoId }, "todo.delete", DeleteTodo, it => TodoCommand::Delete);
todo_command!(/** No longer under that tag. */ UntagTodo { id: TodoId, tag: TagId }, "todo.untag", UpdateTodo, it => TodoCommand::Untag(it.tag));

/// Sorts a todo under a tag.
#[derive(Debug, Clone, Serialize)]
pub struct TagTodo {
    /// Which todo.
    pub id: TodoId,
    /// Which tag.
    pub tag: TagId,
}
todo_command!(declare TagTodo, "todo.tag", UpdateTodo);

/// Gives a todo to somebody, or to nobody.
#[derive(Debug, Clone, Serialize)]
pub struct AssignTodo {
    /// Which todo.
    pub id: TodoId,
    /// To whom.
    pub assignee: Option<UserId>,
}
todo_command!(declare AssignTodo, "todo.assign", UpdateTodo);

impl Handle<CreateTodo> for App {
    async fn handle(&self, caller: &Caller, create: CreateTodo, terms: Terms) -> Outcome<CreateTodo> {
        let owner: Member = caller.signed_in()?;
        let key = idempotency(caller, CreateTodo::NAME, &create, &terms);
        self.references_exist(owner, key.as_ref(), &create.tags, create.assignee).await?;
        let CreateTodo { text, priority, due_at, tags, assignee } = create;
        let intent = TodoCommand::Create(todo::CreateTodo {
            tenant: owner.tenant,
            owner: owner.user,
            text,
            priority,
            due_at,
            tags,
            assignee,
        });
        let stream = StreamId::within(owner.tenant, self.entropy.id());
        let order = Order {
            stream,
            intent,
            caller,
            name: CreateTodo::NAME,
            terms: &terms,
            key,
            at: self.clock.now(),
        };
        // A fresh id has no history to load.
        self.todos.execute_fresh(order).await
    }
}

impl Handle<UpdateTodo> for App {
    async fn handle(&self, caller: &Caller, update: UpdateTodo, terms: Terms) -> Outcome<UpdateTodo> {
        let key = idempotency(caller, UpdateTodo::NAME, &update, &terms);
        let UpdateTodo { id, text, priority, due_at, tags, assignee } = update;
        let named = tags.as_deref().unwrap_or_default();
        self.references_exist(caller.signed_in()?, key.as_ref(), named, assignee.flatten()).await?;
        let intent = TodoCommand::Update(todo::UpdateTodo { text, priority, due_at, tags, assignee });
        self.change_todo(caller, id, UpdateTodo::NAME, intent, key, &terms).await
    }
}

impl Handle<TagTodo> for App {
    async fn handle(&self, caller: &Caller, tag: TagTodo, terms: Terms) -> Outcome<TagTodo> {
        let key = idempotency(caller, TagTodo::NAME, &tag, &terms);
        self.references_exist(caller.signed_in()?, key.as_ref(), &[tag.tag], None).await?;
        self.change_todo(caller, tag.id, TagTodo::NAME, TodoCommand::Tag(tag.tag), key, &terms).await
    }
}

impl Handle<AssignTodo> for App {
    async fn handle(&self, caller: &Caller, assign: AssignTodo, terms: Terms) -> Outcome<AssignTodo> {
        let key = idempotency(caller, AssignTodo::NAME, &assign, &terms);
        self.references_exist(caller.signed_in()?, key.as_ref(), &[], assign.assignee).await?;
        let intent = TodoCommand::Assign(assign.assignee);
        self.change_todo(caller, assign.id, AssignTodo::NAME, intent, key, &terms).await
    }
}

impl App {
    /// Changes one of the caller's own todos. Another owner's is not found, like none at all.
    async fn change_todo(
        &self,
        caller: &Caller,
        id: TodoId,
        name: &'static str,
        intent: TodoCommand,
        key: Option<IdempotencyKey>,
        terms: &Terms,
    ) -> Result<Committed<Todo>, Failure<TodoError>> {
        let member: Member = caller.signed_in()?;
        let stream = StreamId::within(member.tenant, id.0);
        let (_, todo) = self.todos.load_cached(&stream).await?;
        if todo.sheet().is_none_or(|sheet| sheet.owner != member.user) {
            return Err(Failure::Rejected(TodoError::NotFound));
        }
        let order = Order { stream, intent, caller, name, terms, key, at: self.clock.now() };
        self.todos.execute(order).await
    }

    /// Tags and assignee belong to the caller's tenant. A request that was carried out already
    /// gets its first answer, whatever has become of them since.
    async fn references_exist(
        &self,
        member: Member,
        key: Option<&IdempotencyKey>,
        tags: &[TagId],
        assignee: Option<UserId>,
    ) -> Result<(), Failure<TodoError>> {
        if tags.is_empty() && assignee.is_none() {
            return Ok(());
        }
        if let Some(key) = key
            && self.log.receipt(key).await.map_err(broken)?.is_some()
        {
            return Ok(());
        }
        self.tags_exist(member, tags).await?;
        self.assignee_exists(member, assignee).await
    }

    /// Tags of the caller's tenant; the read model first, the streams for those too new for it.
    async fn tags_exist(&self, member: Member, tags: &[TagId]) -> Result<(), Failure<TodoError>> {
        if tags.is_empty() {
            return Ok(());
        }
        let known = self.tag_list.by_ids(member.tenant, tags).await.map_err(Failure::Unavailable)?;
        for tag in tags.iter().filter(|tag| !known.iter().any(|row| row.id == **tag)) {
            let stream = StreamId::within(member.tenant, tag.0);
            let (_, state) = self
                .tags
                .load(&stream)
                .await
                .map_err(|failure| failure.map(|_| TodoError::UnknownTag(tag.to_string())))?;
            if !matches!(*state, domain::tag::Tag::Live(_)) {
                return Err(Failure::Rejected(TodoError::UnknownTag(tag.to_string())));
            }
        }
        Ok(())
    }

    async fn assignee_exists(
        &self,
        member: Member,
        assignee: Option<UserId>,
    ) -> Result<(), Failure<TodoError>> {
        let Some(user) = assignee.filter(|user| *user != member.user) else { return Ok(()) };
        let stream = StreamId::within(member.tenant, user.0);
        let (_, state) = self
            .users
            .load_cached(&stream)
            .await
            .map_err(|failure| failure.map(|_| TodoError::UnknownAssignee))?;
        match state.account() {
            Some(_) => Ok(()),
            None => Err(Failure::Rejected(TodoError::UnknownAssignee)),
        }
    }
}

/// The row of a todo as a command left it: the answer needs no read model.
pub fn written_row(done: &Committed<Todo>) -> Option<TodoRow> {
    let sheet = done.state.sheet()?;
    Some(TodoRow {
        id: TodoId(done.stream.own()?),
        tenant: sheet.tenant,
        owner: sheet.owner,
        number: sheet.number,
        text: sheet.text.as_str().to_owned(),
        status: if sheet.archived { TodoStatus::Archived } else { TodoStatus::Active },
        priority: sheet.priority,
        due_at: sheet.due_at,
        assignee: sheet.assignee,
        tags: sheet.tags.clone(),
        completed_at: sheet.completed_at,
        created_at: sheet.created_at,
        updated_at: sheet.updated_at,
        version: done.version,
    })
}

impl Refusal for TodoError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound | Self::UnknownTag(_) | Self::UnknownAssignee => Code::NotFound,
            Self::AlreadyCreated | Self::TextTaken => Code::AlreadyExists,
            Self::TextBlank
            | Self::TextTooLong { .. }
            | Self::TextUnprintable
            | Self::DueOutOfRange
            | Self::Archived
            | Self::TooManyTags => Code::ValidationFailed,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::TextTaken | Self::TextBlank | Self::TextTooLong { .. } | Self::TextUnprintable => {
                Some("text")
            }
            Self::DueOutOfRange => Some("dueAt"),
            Self::TooManyTags | Self::UnknownTag(_) => Some("tagIds"),
            Self::UnknownAssignee => Some("assigneeId"),
            Self::NotFound | Self::AlreadyCreated | Self::Archived => None,
        }
    }
}
