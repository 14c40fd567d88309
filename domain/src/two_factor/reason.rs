//! Why somebody's second factor is taken away.

use super::TwoFactorError;

/// The longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// What an operator writes down: how the person proved who they are. It speaks of a person, so it
/// is stored sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = TwoFactorError;

    fn try_from(raw: String) -> Result<Self, TwoFactorError> {
        let words = raw.trim();
        let fits = (1..=REASON_CHARS_MAX).contains(&words.chars().count());
        if fits && !words.chars().any(char::is_control) {
            Ok(Self(words.to_owned()))
        } else {
            Err(TwoFactorError::ReasonMalformed)
        }
    }
}
