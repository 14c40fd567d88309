//! Why a todo refuses.

use thiserror::Error;

use super::{TAGS_MAX, TEXT_CHARS_MAX};

/// Why a todo refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TodoError {
    /// No such todo for this caller.
    #[error("todo not found")]
    NotFound,
    /// The id is in use.
    #[error("this todo exists already")]
    AlreadyCreated,
    /// The owner has an active todo with this text.
    #[error("you already have an active todo with this text")]
    TextTaken,
    /// Nothing to do in it.
    #[error("text must not be blank")]
    TextBlank,
    /// Too long.
    #[error("text has {chars} characters, at most {TEXT_CHARS_MAX} are allowed")]
    TextTooLong {
        /// How long it was.
        chars: usize,
    },
    /// Control characters in it.
    #[error("text must not contain control characters")]
    TextUnprintable,
    /// No calendar reaches there.
    #[error("dueAt must be between 1970 and 9999")]
    DueOutOfRange,
    /// Archived todos rest.
    #[error("this todo is archived; reopen it first")]
    Archived,
    /// Too many tags.
    #[error("a todo can have at most {TAGS_MAX} tags")]
    TooManyTags,
    /// No such tag in this tenant.
    #[error("tag {0} not found")]
    UnknownTag(String),
    /// No such person in this tenant.
    #[error("assignee not found")]
    UnknownAssignee,
}
