//! What can be asked about todos, and the read model that answers.

use async_trait::async_trait;
use domain::{Actor, TagId, TenantId, Timestamp, TodoId, UserId, todo::Priority};

use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Direction, Edge, Failure, Filter, Keyset, Member, Page,
    PageRequest, Query, Test,
    filter::like,
    ports::{Cursor, ReadModel},
};

/// A todo as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodoRow {
    /// Which.
    pub id: TodoId,
    /// In which tenant.
    pub tenant: TenantId,
    /// Whose.
    pub owner: UserId,
    /// Its running number.
    pub number: i64,
    /// What is to be done.
    pub text: String,
    /// In the archive or not.
    pub status: TodoStatus,
    /// How much it presses.
    pub priority: Priority,
    /// Until when.
    pub due_at: Option<Timestamp>,
    /// Who does it.
    pub assignee: Option<UserId>,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// Since when it is done.
    pub completed_at: Option<Timestamp>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
    /// One up per event.
    pub version: i64,
}

/// In the archive or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TodoStatus {
    /// On the list.
    Active,
    /// In the archive.
    Archived,
}

/// A test of one field of a todo.
#[derive(Debug, Clone, PartialEq)]
pub enum TodoField {
    /// `id`
    Id(Test<TodoId>),
    /// `text`
    Text(Test<String>),
    /// `status`
    Status(Test<TodoStatus>),
    /// `done`
    Done(Test<bool>),
    /// `priority`
    Priority(Test<Priority>),
    /// `dueAt`
    DueAt(Test<Timestamp>),
    /// `createdAt`
    CreatedAt(Test<Timestamp>),
    /// `updatedAt`
    UpdatedAt(Test<Timestamp>),
    /// `completedAt`
    CompletedAt(Test<Timestamp>),
    /// `ownerId`, for operators.
    Owner(Test<UserId>),
    /// `assigneeId`
    Assignee(Test<UserId>),
    /// `tagId`: one of its tags passes.
    Tag(Test<TagId>),
}

/// Which todos.
pub type TodoFilter = Filter<TodoField>;

/// In which order; the id decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TodoSort {
    /// By when they were written.
    CreatedAt(Direction),
    /// By when anything last happened.
    UpdatedAt(Direction),
    /// By when they are due; those without a time are last when ascending.
    DueAt(Direction),
    /// By how much they press.
    Priority(Direction),
    /// By their text.
    Text(Direction),
}

/// Whose todos: the wall that every query of the read model names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TodoScope {
    /// A person's own.
    Own(Member),
    /// All of a tenant, for operators.
    Tenant(TenantId),
}

impl TodoScope {
    /// The tenant they are in.
    pub const fn tenant(self) -> TenantId {
        match self {
            Self::Own(member) => member.tenant,
            Self::Tenant(tenant) => tenant,
        }
    }
}

/// A page of todos.
pub type TodoPage = Page<TodoRow>;

/// Something that happened to a todo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its place.
    pub cursor: Cursor,
    /// The stored name of the event.
    pub event_type: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// The todo's version after it.
    pub version: i64,
}

/// A walk over todos as they all were at one moment, the oldest first.
#[async_trait]
pub trait TodoScan: Send {
    /// That moment: as far as the read model had come.
    fn position(&self) -> Cursor;
    /// The next rows, at most [`SCAN_ROWS`]; none at the end.
    async fn next(&mut self) -> Result<Vec<Edge<TodoRow>>, BoxError>;
}

/// The most rows of one step of a [`TodoScan`].
pub const SCAN_ROWS: usize = 500;

/// The order of a [`TodoScan`]: rows keep their places in it, whatever happens to them.
pub const SCAN_SORT: TodoSort = TodoSort::CreatedAt(Direction::Asc);

/// The read model of todos.
#[async_trait]
pub trait TodoList: Send + Sync + 'static {
    /// One of them.
    async fn get(&self, scope: TodoScope, id: TodoId) -> Result<Option<TodoRow>, BoxError>;
    /// Those of these that exist, each named with its tenant and owner.
    async fn rows(&self, todos: &[(Member, TodoId)]) -> Result<Vec<TodoRow>, BoxError>;
    /// A page of them.
    async fn page(
        &self,
        scope: TodoScope,
        request: &PageRequest<TodoFilter, TodoSort>,
    ) -> Result<TodoPage, BoxError>;
    /// How many there are.
    async fn count(&self, scope: TodoScope, filter: &TodoFilter) -> Result<i64, BoxError>;
    /// A walk over those that pass a filter, after a place in [`SCAN_SORT`].
    async fn scan(
        &self,
        scope: TodoScope,
        filter: TodoFilter,
        after: Option<Keyset>,
    ) -> Result<Box<dyn TodoScan>, BoxError>;
    /// What happened to one of them, oldest first, after a place.
    async fn history(
        &self,
        scope: TodoScope,
        id: TodoId,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, BoxError>;
}

/// Whether a row in memory passes a filter, as SQL would judge it.
pub fn matches(filter: &TodoFilter, row: &TodoRow) -> bool {
    fn no<T>(_: &str, _: &T) -> bool {
        false
    }
    filter.matches(&|field| match field {
        TodoField::Id(test) => test.passes(Some(&row.id), no),
        TodoField::Text(test) => test.passes(Some(&row.text), |pattern, text| like(pattern, text)),
        TodoField::Status(test) => test.passes(Some(&row.status), no),
        TodoField::Done(test) => test.passes(Some(&row.completed_at.is_some()), no),
        TodoField::Priority(test) => test.passes(Some(&row.priority), no),
        TodoField::DueAt(test) => test.passes(row.due_at.as_ref(), no),
        TodoField::CreatedAt(test) => test.passes(Some(&row.created_at), no),
        TodoField::UpdatedAt(test) => test.passes(Some(&row.updated_at), no),
        TodoField::CompletedAt(test) => test.passes(row.completed_at.as_ref(), no),
        TodoField::Owner(test) => test.passes(Some(&row.owner), no),
        TodoField::Assignee(test) => test.passes(row.assignee.as_ref(), no),
        TodoField::Tag(Test::IsNull(wanted)) => row.tags.is_empty() == *wanted,
        TodoField::Tag(Test::Ne(unwanted)) => !row.tags.contains(unwanted),
        TodoField::Tag(test) => row.tags.iter().any(|tag| test.passes(Some(tag), no)),
    })
}

macro_rules! todo_query {
    ($(#[$doc:meta])* $query:ident { $($field:ident: $kind:ty),* } -> $answer:ty, $name:literal, $access:expr,
     |$app:ident, $caller:ident, $asked:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $query { $(#[doc = stringify!($field)] pub $field: $kind,)* }

        impl Query for $query {
            type Answer = $answer;
            const NAME: &'static str = $name;
            const ACCESS: Access = $access;
            const READS: &'static [ReadModel] = &[ReadModel::TodoList];
        }

        impl Answer<$query> for App {
            async fn answer(&self, $caller: &Caller, $asked: $query) -> Answered<$query> {
                let $app = self;
                $body.await.map_err(Failure::Unavailable)
            }
        }
    };
}

todo_query!(
    /// One of one's own todos.
    GetTodo { id: TodoId } -> Option<TodoRow>, "todo.get", Access::SignedIn,
    |app, caller, query| app.todo_list.get(TodoScope::Own(caller.signed_in()?), query.id)
);
todo_query!(
    /// One's own todos.
    ListTodos { request: PageRequest<TodoFilter, TodoSort> } -> TodoPage, "todo.list", Access::SignedIn,
    |app, caller, query| app.todo_list.page(TodoScope::Own(caller.signed_in()?), &query.request)
);
todo_query!(
    /// How many of one's own todos pass a filter.
    CountTodos { filter: TodoFilter } -> i64, "todo.count", Access::SignedIn,
    |app, caller, query| app.todo_list.count(TodoScope::Own(caller.signed_in()?), &query.filter)
);
todo_query!(
    /// All one's own todos that pass a filter, as they are at one moment.
    ExportTodos { filter: TodoFilter, after: Option<Keyset> } -> Box<dyn TodoScan>, "todo.export", Access::SignedIn,
    |app, caller, query| app.todo_list.scan(TodoScope::Own(caller.signed_in()?), query.filter, query.after)
);
todo_query!(
    /// What happened to one of one's own todos.
    TodoHistory { id: TodoId, after: Option<Cursor>, limit: usize } -> Vec<HistoryEntry>, "todo.history", Access::SignedIn,
    |app, caller, query| app.todo_list.history(TodoScope::Own(caller.signed_in()?), query.id, query.after, query.limit)
);
