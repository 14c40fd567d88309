//! What happened to a todo.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Priority, TodoText};
use crate::{TagId, TenantId, Timestamp, UserId};

/// What happened to a todo. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TodoEvent {
    /// It was written down. `number` is assigned by the store as it appends.
    #[serde(rename = "todo.created")]
    Created {
        tenant: TenantId,
        owner: UserId,
        number: i64,
        text: TodoText,
        priority: Priority,
        due_at: Option<Timestamp>,
        tags: Vec<TagId>,
        assignee: Option<UserId>,
        at: Timestamp,
    },
    /// It has another text.
    #[serde(rename = "todo.text_changed")]
    TextChanged { text: TodoText, at: Timestamp },
    /// It presses more, or less.
    #[serde(rename = "todo.prioritised")]
    Prioritised { priority: Priority, at: Timestamp },
    /// It is due at another time, or at none.
    #[serde(rename = "todo.rescheduled")]
    Rescheduled { due_at: Option<Timestamp>, at: Timestamp },
    /// It is somebody else's to do, or nobody's.
    #[serde(rename = "todo.assigned")]
    Assigned { assignee: Option<UserId>, at: Timestamp },
    /// It has a tag more.
    #[serde(rename = "todo.tagged")]
    Tagged { tag: TagId, at: Timestamp },
    /// It has a tag less.
    #[serde(rename = "todo.untagged")]
    Untagged { tag: TagId, at: Timestamp },
    /// It is done.
    #[serde(rename = "todo.completed")]
    Completed { at: Timestamp },
    /// It is open again, and out of the archive.
    #[serde(rename = "todo.reopened")]
    Reopened { at: Timestamp },
    /// It is out of sight.
    #[serde(rename = "todo.archived")]
    Archived { at: Timestamp },
    /// It is gone.
    #[serde(rename = "todo.deleted")]
    Deleted { at: Timestamp },
}

impl TodoEvent {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Created { at, .. }
            | Self::TextChanged { at, .. }
            | Self::Prioritised { at, .. }
            | Self::Rescheduled { at, .. }
            | Self::Assigned { at, .. }
            | Self::Tagged { at, .. }
            | Self::Untagged { at, .. }
            | Self::Completed { at }
            | Self::Reopened { at }
            | Self::Archived { at }
            | Self::Deleted { at } => *at,
        }
    }
}

impl DomainEvent for TodoEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Created { .. } => "todo.created",
            Self::TextChanged { .. } => "todo.text_changed",
            Self::Prioritised { .. } => "todo.prioritised",
            Self::Rescheduled { .. } => "todo.rescheduled",
            Self::Assigned { .. } => "todo.assigned",
            Self::Tagged { .. } => "todo.tagged",
            Self::Untagged { .. } => "todo.untagged",
            Self::Completed { .. } => "todo.completed",
            Self::Reopened { .. } => "todo.reopened",
            Self::Archived { .. } => "todo.archived",
            Self::Deleted { .. } => "todo.deleted",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
