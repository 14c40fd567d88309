//! Tags: what a tenant's people sort their todos by.

mod command;
mod error;
mod event;
#[cfg(test)]
mod spec;
mod value;

pub use command::{CreateTag, TagCommand, UpdateTag};
pub use error::TagError;
pub use event::TagEvent;
use serde::{Deserialize, Serialize};
pub use value::{Colour, NAME_CHARS_MAX, SLUG_CHARS_MAX, Slug, TagName};

use crate::{Claim, Issued, Root, TenantId, Timestamp, shared::hosted_by_cqrs_es};

/// A tag's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tag {
    /// Nobody made it yet.
    #[default]
    Unwritten,
    /// It can be used.
    Live(Label),
    /// It is gone; its id is never used again.
    Deleted(Label),
}

/// What a tag is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where it lives.
    pub tenant: TenantId,
    /// What people read.
    pub name: TagName,
    /// What addresses it.
    pub slug: Slug,
    /// How it is drawn.
    pub colour: Colour,
    /// When it was made.
    pub created_at: Timestamp,
}

const SLUG: &str = "tag.slug";

impl Tag {
    /// What it is like, once it exists and even after it is gone.
    pub fn label(&self) -> Option<&Label> {
        match self {
            Self::Unwritten => None,
            Self::Live(label) | Self::Deleted(label) => Some(label),
        }
    }

    fn create(&self, create: CreateTag, at: Timestamp) -> Result<Vec<TagEvent>, TagError> {
        if *self != Self::Unwritten {
            return Err(TagError::AlreadyCreated);
        }
        let CreateTag { tenant, name, slug, colour } = create;
        let slug = match slug {
            Some(slug) => slug,
            None => Slug::of(name.as_str()).ok_or(TagError::SlugNotDerivable)?,
        };
        Ok(vec![TagEvent::Created { tenant, name, slug, colour, at }])
    }

    fn update(&self, update: UpdateTag, at: Timestamp) -> Result<Vec<TagEvent>, TagError> {
        let Self::Live(label) = self else { return Err(TagError::NotFound) };
        let mut events = Vec::new();
        if let Some(name) = update.name.filter(|name| *name != label.name) {
            events.push(TagEvent::Renamed { name, at });
        }
        if let Some(slug) = update.slug.filter(|slug| *slug != label.slug) {
            events.push(TagEvent::SlugChanged { slug, at });
        }
        if let Some(colour) = update.colour.filter(|colour| *colour != label.colour) {
            events.push(TagEvent::Recoloured { colour, at });
        }
        Ok(events)
    }

    fn delete(&self, at: Timestamp) -> Result<Vec<TagEvent>, TagError> {
        match self {
            Self::Unwritten => Err(TagError::NotFound),
            Self::Live(_) => Ok(vec![TagEvent::Deleted { at }]),
            Self::Deleted(_) => Ok(Vec::new()),
        }
    }
}

impl Root for Tag {
    type Intent = TagCommand;
    type Refusal = TagError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<TagCommand>) -> Result<Vec<TagEvent>, TagError> {
        let Issued { command, at, .. } = issued;
        match command {
            TagCommand::Create(create) => self.create(create, at),
            TagCommand::Update(update) => self.update(update, at),
            TagCommand::Delete => self.delete(at),
        }
    }

    fn evolve(&mut self, event: TagEvent) {
        match (&mut *self, event) {
            (_, TagEvent::Created { tenant, name, slug, colour, at }) => {
                *self = Self::Live(Label { tenant, name, slug, colour, created_at: at });
            }
            (Self::Live(label), TagEvent::Renamed { name, .. }) => label.name = name,
            (Self::Live(label), TagEvent::SlugChanged { slug, .. }) => label.slug = slug,
            (Self::Live(label), TagEvent::Recoloured { colour, .. }) => label.colour = colour,
            (Self::Live(label), TagEvent::Deleted { .. }) => *self = Self::Deleted(label.clone()),
            // Such a stream cannot be written; reading it changes nothing.
            (
                Self::Unwritten | Self::Deleted(_),
                TagEvent::Renamed { .. }
                | TagEvent::SlugChanged { .. }
                | TagEvent::Recoloured { .. }
                | TagEvent::Deleted { .. },
            ) => {}
        }
    }

    fn claims(&self) -> Vec<Claim> {
        match self {
            Self::Live(label) => vec![Claim::new(SLUG, format!("{}/{}", label.tenant, label.slug.as_str()))],
            Self::Unwritten | Self::Deleted(_) => Vec::new(),
        }
    }

    fn taken(_: &Claim) -> TagError {
        TagError::SlugTaken
    }
}

hosted_by_cqrs_es!(Tag, TagCommand, TagEvent, TagError, "tag");
