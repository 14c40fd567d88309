//! Values of a tag that cannot be wrong.

use serde::{Deserialize, Serialize};

use super::TagError;

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 50;
/// The longest slug, in characters.
pub const SLUG_CHARS_MAX: usize = 60;

/// A name that people read: trimmed, not blank, at most [`NAME_CHARS_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TagName(String);

impl TagName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TagName {
    type Error = TagError;
    fn try_from(raw: String) -> Result<Self, TagError> {
        let name = raw.trim();
        match name.chars().count() {
            0 => Err(TagError::NameBlank),
            chars if chars > NAME_CHARS_MAX => Err(TagError::NameTooLong { chars }),
            _ if name.chars().any(char::is_control) => Err(TagError::NameUnprintable),
            _ => Ok(Self(name.to_owned())),
        }
    }
}

/// Lower-case letters, digits and single inner hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The slug of a name: what is not a letter or digit becomes a hyphen. `None` when nothing is left.
    pub fn of(name: &str) -> Option<Self> {
        let words: Vec<String> = name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        let slug: String = words.join("-").chars().take(SLUG_CHARS_MAX).collect();
        let slug = slug.trim_end_matches('-');
        (!slug.is_empty()).then(|| Self(slug.to_owned()))
    }
}

impl TryFrom<String> for Slug {
    type Error = TagError;
    fn try_from(raw: String) -> Result<Self, TagError> {
        let fits = !raw.is_empty()
            && raw.len() <= SLUG_CHARS_MAX
            && raw.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
        if fits { Ok(Self(raw)) } else { Err(TagError::SlugMalformed) }
    }
}

/// `#rrggbb`, lower-case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Colour(String);

impl Colour {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Colour {
    fn default() -> Self {
        Self("#6366f1".to_owned())
    }
}

impl TryFrom<String> for Colour {
    type Error = TagError;
    fn try_from(raw: String) -> Result<Self, TagError> {
        match raw.strip_prefix('#') {
            Some(hex) if hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Ok(Self(raw.to_ascii_lowercase()))
            }
            _ => Err(TagError::ColourMalformed),
        }
    }
}
