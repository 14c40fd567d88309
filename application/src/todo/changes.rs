//! Live changes of todos.

use std::{sync::Arc, time::Instant};

use domain::{Timestamp, TodoId};

use super::TodoRow;
use crate::{Member, ports::Cursor, trace::Place};

/// The topic of a person's own todos.
pub(crate) fn topic(of: Member) -> String {
    format!("todo/{}/{}", of.tenant, of.user)
}

/// What happened to a todo, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TodoChangeKind {
    /// It was written down.
    Created,
    /// Its text, priority or due time changed.
    Updated,
    /// It is done.
    Completed,
    /// It is open again.
    Reopened,
    /// It is in the archive.
    Archived,
    /// It is somebody else's to do.
    Assigned,
    /// It has a tag more or less.
    Tagged,
    /// It is gone.
    Deleted,
}

impl TodoChangeKind {
    /// The kind of a stored event; what this release does not know is an update.
    pub fn of(event_type: &str) -> Self {
        match event_type {
            "todo.created" => Self::Created,
            "todo.completed" => Self::Completed,
            "todo.reopened" => Self::Reopened,
            "todo.archived" => Self::Archived,
            "todo.assigned" => Self::Assigned,
            "todo.tagged" | "todo.untagged" => Self::Tagged,
            "todo.deleted" => Self::Deleted,
            _ => Self::Updated,
        }
    }
}

/// A change, delivered.
#[derive(Debug, Clone)]
pub struct TodoChange {
    /// Its place: resume after it.
    pub cursor: Cursor,
    /// What happened.
    pub kind: TodoChangeKind,
    /// To which todo.
    pub id: TodoId,
    /// The todo as it is now; `None` once it is gone.
    pub todo: Option<Arc<TodoRow>>,
    /// When.
    pub at: Timestamp,
    /// The span that led to it.
    pub trace: Option<Place>,
    /// When this process heard of it.
    pub heard: Instant,
}
