//! What can be asked of a tag.

use super::{Colour, Slug, TagName};
use crate::TenantId;

/// Everything that can be asked of a tag.
#[derive(Debug, Clone)]
pub enum TagCommand {
    /// Make it.
    Create(CreateTag),
    /// Change what is given.
    Update(UpdateTag),
    /// Remove it from the tenant.
    Delete,
}

/// Makes a tag.
#[derive(Debug, Clone)]
pub struct CreateTag {
    /// Where it lives.
    pub tenant: TenantId,
    /// What people read.
    pub name: TagName,
    /// What addresses it; derived from the name when absent.
    pub slug: Option<Slug>,
    /// How it is drawn.
    pub colour: Colour,
}

/// Changes what is `Some`.
#[derive(Debug, Clone, Default)]
pub struct UpdateTag {
    /// Another name; the slug stays.
    pub name: Option<TagName>,
    /// Another slug.
    pub slug: Option<Slug>,
    /// Another colour.
    pub colour: Option<Colour>,
}
