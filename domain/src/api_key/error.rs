//! Why a key refuses.

use thiserror::Error;

use super::{KEYS_MAX, NAME_CHARS_MAX};

/// Why a key refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiKeyError {
    /// No such key of this person.
    #[error("API key not found")]
    NotFound,
    /// The id is in use.
    #[error("this API key exists already")]
    AlreadyCreated,
    /// Not a name.
    #[error("name must have 1 to {NAME_CHARS_MAX} printable characters")]
    NameMalformed,
    /// It would open nothing.
    #[error("expiresAt must be in the future")]
    ExpiryPast,
    /// Not a permission.
    #[error("there is no permission called {0}")]
    PermissionUnknown(String),
    /// All places are taken.
    #[error("at most {KEYS_MAX} API keys can work at the same time; please revoke one first")]
    TooMany,
}
