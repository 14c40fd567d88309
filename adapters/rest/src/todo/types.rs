//! A todo as REST shows and takes one.

use application::todo::{CreateTodo, TodoRow, TodoStatus as Status, UpdateTodo};
use chrono::{DateTime, SubsecRound, Utc};
use domain::{
    TagId, TodoId, UserId,
    todo::{Priority, TodoError, TodoText, reference},
};
use poem_openapi::{
    Enum, Object,
    types::{Example, MaybeUndefined},
};
use uuid::Uuid;

use super::text::Text;
use crate::Problem;

/// How much a todo presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TodoPriority {
    /// Some day.
    Low,
    /// As usual.
    Normal,
    /// Soon.
    High,
    /// Now.
    Urgent,
}

/// Whether a todo is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TodoStatus {
    /// On the list.
    Active,
    /// In the archive.
    Archived,
}

/// Something to be done.
#[derive(Debug, Clone, Object)]
#[oai(rename_all = "camelCase", example)]
pub(crate) struct Todo {
    /// Which.
    id: Uuid,
    /// `TODO-0001`: a running number of the tenant.
    reference: String,
    /// What is to be done.
    text: String,
    /// Whether it is in the archive.
    status: TodoStatus,
    /// Whether it is done.
    done: bool,
    /// How much it presses.
    priority: TodoPriority,
    /// Until when.
    #[oai(nullable)]
    due_at: Option<DateTime<Utc>>,
    /// Whose it is.
    owner_id: Uuid,
    /// Who does it.
    #[oai(nullable)]
    assignee_id: Option<Uuid>,
    /// Its tags.
    tag_ids: Vec<Uuid>,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// When anything last happened to it.
    updated_at: DateTime<Utc>,
    /// Since when it is done.
    #[oai(nullable)]
    completed_at: Option<DateTime<Utc>>,
    /// One up per event.
    version: i64,
    /// In exports: where it stands, to go on from.
    #[oai(skip_serializing_if_is_none)]
    pub(crate) cursor: Option<String>,
}

/// A new todo.
#[derive(Debug, Clone, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
pub(crate) struct NewTodo {
    /// 1 to 500 characters, not blank.
    pub(crate) text: Text,
    /// `NORMAL` when absent.
    pub(crate) priority: Option<TodoPriority>,
    /// Until when.
    pub(crate) due_at: Option<DateTime<Utc>>,
    /// Tags of your tenant, at most 20.
    pub(crate) tag_ids: Option<Vec<String>>,
    /// A person of your tenant.
    pub(crate) assignee_id: Option<String>,
}

/// What changes: absent is unchanged, null clears what can be empty.
#[derive(Debug, Clone, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
pub(crate) struct TodoChange {
    /// Another text.
    text: MaybeUndefined<Text>,
    /// Another priority.
    priority: MaybeUndefined<TodoPriority>,
    /// Another due time, or none.
    #[oai(nullable)]
    due_at: MaybeUndefined<DateTime<Utc>>,
    /// These tags and no others.
    tag_ids: MaybeUndefined<Vec<String>>,
    /// Another assignee, or nobody.
    #[oai(nullable)]
    assignee_id: MaybeUndefined<String>,
}

/// A page of todos.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub(crate) struct TodoPage {
    /// The todos.
    pub(crate) items: Vec<Todo>,
    /// The `cursor` of the next page; absent on the last one.
    #[oai(skip_serializing_if_is_none)]
    pub(crate) next_cursor: Option<String>,
}

impl NewTodo {
    /// The command that writes it down.
    pub(crate) fn command(self) -> Result<CreateTodo, Problem> {
        Ok(CreateTodo {
            text: text(self.text)?,
            priority: self.priority.map(Priority::from).unwrap_or_default(),
            due_at: self.due_at.map(stored),
            tags: tags(&self.tag_ids.unwrap_or_default())?,
            assignee: self.assignee_id.as_deref().map(assignee).transpose()?,
        })
    }
}

impl TodoChange {
    /// The command that changes `id` so.
    pub(crate) fn command(self, id: TodoId) -> Result<UpdateTodo, Problem> {
        Ok(UpdateTodo {
            id,
            text: set(self.text, "text")?.map(text).transpose()?,
            priority: set(self.priority, "priority")?.map(Priority::from),
            due_at: cleared(self.due_at).map(|at| at.map(stored)),
            tags: set(self.tag_ids, "tagIds")?.as_deref().map(tags).transpose()?,
            assignee: cleared(self.assignee_id)
                .map(|user| user.as_deref().map(assignee).transpose())
                .transpose()?,
        })
    }
}

/// What cannot be cleared.
fn set<T>(value: MaybeUndefined<T>, field: &'static str) -> Result<Option<T>, Problem> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(Problem::invalid(format!("{field} cannot be null")).of_field(field)),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}

/// What can be.
#[expect(clippy::option_option, reason = "absent, cleared, and set")]
fn cleared<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

fn text(Text(raw): Text) -> Result<TodoText, Problem> {
    TodoText::try_from(raw).map_err(|refusal: TodoError| application::Problem::from(refusal).into())
}

fn tags(raw: &[String]) -> Result<Vec<TagId>, Problem> {
    raw.iter().map(|tag| id(tag, "tagIds").map(TagId)).collect()
}

fn assignee(raw: &str) -> Result<UserId, Problem> {
    id(raw, "assigneeId").map(UserId)
}

/// An id in an input, which must at least look like one.
pub(crate) fn id(raw: &str, field: &'static str) -> Result<Uuid, Problem> {
    raw.parse().map_err(|_| Problem::invalid(format!("{field} is not an id")).of_field(field))
}

/// Postgres keeps microseconds; so do we, from the first moment on.
fn stored(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

impl From<TodoRow> for Todo {
    fn from(row: TodoRow) -> Self {
        Self {
            id: row.id.0,
            reference: reference(row.number),
            text: row.text,
            status: row.status.into(),
            done: row.completed_at.is_some(),
            priority: row.priority.into(),
            due_at: row.due_at,
            owner_id: row.owner.0,
            assignee_id: row.assignee.map(|user| user.0),
            tag_ids: row.tags.into_iter().map(|tag| tag.0).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            completed_at: row.completed_at,
            version: row.version,
            cursor: None,
        }
    }
}

macro_rules! same {
    ($ours:ident, $theirs:ident, $($name:ident),*) => {
        impl From<$theirs> for $ours {
            fn from(value: $theirs) -> Self {
                match value { $($theirs::$name => Self::$name,)* }
            }
        }
        impl From<$ours> for $theirs {
            fn from(value: $ours) -> Self {
                match value { $($ours::$name => Self::$name,)* }
            }
        }
    };
}
same!(TodoPriority, Priority, Low, Normal, High, Urgent);
same!(TodoStatus, Status, Active, Archived);

/// A moment for examples.
fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()
}

/// An id for examples.
const EXAMPLE_ID: Uuid = Uuid::from_u128(0x0198_f0a0_1c2d_7a3b_8c4d_5e6f_7081_92a3);

impl Example for Todo {
    fn example() -> Self {
        Self {
            id: EXAMPLE_ID,
            reference: reference(1),
            text: "Water the plants".to_owned(),
            status: TodoStatus::Active,
            done: false,
            priority: TodoPriority::Normal,
            due_at: None,
            owner_id: EXAMPLE_ID,
            assignee_id: None,
            tag_ids: Vec::new(),
            created_at: moment(),
            updated_at: moment(),
            completed_at: None,
            version: 1,
            cursor: None,
        }
    }
}

impl Example for NewTodo {
    fn example() -> Self {
        Self {
            text: Text("Water the plants".to_owned()),
            priority: Some(TodoPriority::High),
            due_at: Some(moment()),
            tag_ids: None,
            assignee_id: None,
        }
    }
}

impl Example for TodoChange {
    fn example() -> Self {
        Self {
            text: MaybeUndefined::Value(Text("Water all plants".to_owned())),
            priority: MaybeUndefined::Undefined,
            due_at: MaybeUndefined::Null,
            tag_ids: MaybeUndefined::Undefined,
            assignee_id: MaybeUndefined::Undefined,
        }
    }
}
