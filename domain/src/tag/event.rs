//! What happened to a tag.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Colour, Slug, TagName};
use crate::{TenantId, Timestamp};

/// What happened to a tag. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TagEvent {
    /// It was made. Version 1 had no colour.
    #[serde(rename = "tag.created")]
    Created { tenant: TenantId, name: TagName, slug: Slug, colour: Colour, at: Timestamp },
    /// It has another name.
    #[serde(rename = "tag.renamed")]
    Renamed { name: TagName, at: Timestamp },
    /// It has another slug.
    #[serde(rename = "tag.slug_changed")]
    SlugChanged { slug: Slug, at: Timestamp },
    /// It has another colour.
    #[serde(rename = "tag.recoloured")]
    Recoloured { colour: Colour, at: Timestamp },
    /// It is gone.
    #[serde(rename = "tag.deleted")]
    Deleted { at: Timestamp },
}

impl DomainEvent for TagEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Created { .. } => "tag.created",
            Self::Renamed { .. } => "tag.renamed",
            Self::SlugChanged { .. } => "tag.slug_changed",
            Self::Recoloured { .. } => "tag.recoloured",
            Self::Deleted { .. } => "tag.deleted",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        let version = match self {
            Self::Created { .. } => "2",
            Self::Renamed { .. }
            | Self::SlugChanged { .. }
            | Self::Recoloured { .. }
            | Self::Deleted { .. } => "1",
        };
        version.to_owned()
    }
}
