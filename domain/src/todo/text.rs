//! Values of a todo that cannot be wrong.

use serde::{Deserialize, Serialize};

use super::TodoError;

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
            _ => Ok(Self(text.to_owned())),
        }
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
