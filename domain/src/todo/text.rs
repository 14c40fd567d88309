//! Values of a todo that cannot be wrong.

use std::ops::RangeInclusive;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::TodoError;
use crate::Timestamp;

/// The longest text, in characters.
pub const TEXT_CHARS_MAX: usize = 500;
/// The most tags on one todo.
pub const TAGS_MAX: usize = 20;

/// What is to be done: trimmed, not blank, at most [`TEXT_CHARS_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)] // history is never re-validated: only `TryFrom` judges input
pub struct TodoText(String);

impl TodoText {
    /// A text as it was stored: it was judged when it was written.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TodoText {
    type Error = TodoError;
    fn try_from(raw: String) -> Result<Self, TodoError> {
        let text = raw.trim();
        match text.chars().count() {
            0 => Err(TodoError::TextBlank),
            chars if chars > TEXT_CHARS_MAX => Err(TodoError::TextTooLong { chars }),
            _ if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) => {
                Err(TodoError::TextUnprintable)
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// The first and the last year a todo may be due in: what every client and Postgres can hold.
const DUE_YEARS: RangeInclusive<i32> = 1970..=9999;

/// The due time of an input, when it is one that clients and Postgres can hold.
pub(super) fn due(at: Option<Timestamp>) -> Result<Option<Timestamp>, TodoError> {
    match at {
        Some(at) if !DUE_YEARS.contains(&at.year()) => Err(TodoError::DueOutOfRange),
        at => Ok(at),
    }
}

/// How much it presses. The order is the order of urgency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Some day.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Soon.
    High,
    /// Now.
    Urgent,
}

/// The reference people say aloud: `TODO-0001`.
pub fn reference(number: i64) -> String {
    format!("TODO-{number:04}")
}
