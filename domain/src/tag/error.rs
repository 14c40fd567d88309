//! Why a tag refuses.

use thiserror::Error;

use super::{NAME_CHARS_MAX, SLUG_CHARS_MAX};

/// Why a tag refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TagError {
    /// No such tag in this tenant.
    #[error("tag not found")]
    NotFound,
    /// The id is in use.
    #[error("this tag exists already")]
    AlreadyCreated,
    /// Another tag of the tenant has the slug.
    #[error("a tag with this slug exists already")]
    SlugTaken,
    /// Nothing to read in it.
    #[error("name must not be blank")]
    NameBlank,
    /// Control characters in it.
    #[error("name must not contain control characters")]
    NameUnprintable,
    /// Too long.
    #[error("name has {chars} characters, at most {NAME_CHARS_MAX} are allowed")]
    NameTooLong {
        /// How long it was.
        chars: usize,
    },
    /// Not a slug.
    #[error("slug must be 1 to {SLUG_CHARS_MAX} lower-case letters, digits and hyphens")]
    SlugMalformed,
    /// The name has no letter or digit to make a slug of.
    #[error("no slug can be made of this name, please give one")]
    SlugNotDerivable,
    /// Not a colour.
    #[error("color must look like #6366f1")]
    ColourMalformed,
}
