//! Values of a key that cannot be wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ApiKeyError, KEYS_MAX};

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 50;

/// A name that its owner reads: trimmed, not blank, at most [`NAME_CHARS_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyName(String);

impl KeyName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyName {
    type Error = ApiKeyError;
    fn try_from(raw: String) -> Result<Self, ApiKeyError> {
        let name = raw.trim();
        let chars = name.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(ApiKeyError::NameMalformed);
        }
        Ok(Self(name.to_owned()))
    }
}

/// One of the places that a person has for keys. Each is taken once: so there are never more keys
/// than places, however many are made at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(u8);

impl Slot {
    /// All places, the first one first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..KEYS_MAX).map(Self)
    }

    /// Its number, as it is stored.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
