//! What can be asked of a todo.

use super::{Priority, TodoText};
use crate::{TagId, TenantId, Timestamp, UserId};

/// Everything that can be asked of a todo.
#[derive(Debug, Clone)]
pub enum TodoCommand {
    /// Write it down.
    Create(CreateTodo),
    /// Change what is given.
    Update(UpdateTodo),
    /// It is done.
    Complete,
    /// It is not done after all, or wanted back from the archive.
    Reopen,
    /// Out of sight.
    Archive,
    /// For ever.
    Delete,
    /// Sort it under a tag.
    Tag(TagId),
    /// No longer under that tag.
    Untag(TagId),
    /// Give it to somebody, or to nobody.
    Assign(Option<UserId>),
}

/// Writes a todo down.
#[derive(Debug, Clone)]
pub struct CreateTodo {
    /// Where it lives.
    pub tenant: TenantId,
    /// Whose it is.
    pub owner: UserId,
    /// What is to be done.
    pub text: TodoText,
    /// How much it presses.
    pub priority: Priority,
    /// Until when.
    pub due_at: Option<Timestamp>,
    /// Its tags, each once, in order.
    pub tags: Vec<TagId>,
    /// Who does it.
    pub assignee: Option<UserId>,
}

/// Changes what is `Some`; the inner `None` clears.
#[derive(Debug, Clone, Default)]
pub struct UpdateTodo {
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
