//! Tenants: the companies, and people on their own, that share nothing.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Claim, Issued, Root, Timestamp, UserId, shared::hosted_by_cqrs_es, tag::Slug};

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// The scope in which slugs of tenants are unique.
pub const SLUG: &str = "tenant.slug";

/// A tenant's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tenant {
    /// Nobody made it yet.
    #[default]
    Unwritten,
    /// People work in it.
    Active {
        /// What it is called.
        naming: Naming,
        /// What addresses it.
        slug: Slug,
    },
    /// Its people are kept out.
    Suspended {
        /// What it is called.
        naming: Naming,
        /// What addresses it.
        slug: Slug,
    },
}

/// What a tenant is called. A person's name is personal data, and never stands in an event in
/// clear: a tenant that is named after a person only says after whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// By a name of its own.
    Given(TenantName),
    /// Like this person.
    After(UserId),
}

/// A name that people read: trimmed, not blank, at most [`NAME_CHARS_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantName(String);

impl TenantName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TenantName {
    type Error = TenantError;
    fn try_from(raw: String) -> Result<Self, TenantError> {
        let name = raw.trim();
        let chars = name.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(TenantError::NameMalformed { chars });
        }
        Ok(Self(name.to_owned()))
    }
}

/// Everything that can be asked of a tenant.
#[derive(Debug, Clone)]
pub enum TenantCommand {
    /// Make it.
    Create {
        /// What it is called.
        naming: Naming,
        /// What addresses it.
        slug: Slug,
    },
    /// Keep its people out.
    Suspend,
    /// Let them in again.
    Reinstate,
    /// Change what is `Some`.
    Update {
        /// Another name.
        name: Option<TenantName>,
        /// Another slug.
        slug: Option<Slug>,
    },
    /// Note that one of several Owners goes. All who take Owners away pass through here, so that
    /// of two at the same time the second sees what the first did.
    RetireOwner {
        /// Who goes.
        user: UserId,
    },
}

/// What happened to a tenant. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TenantEvent {
    /// It was made.
    #[serde(rename = "tenant.created")]
    Created { naming: Naming, slug: Slug, at: Timestamp },
    /// Its people are kept out.
    #[serde(rename = "tenant.suspended")]
    Suspended { at: Timestamp },
    /// They may come in again.
    #[serde(rename = "tenant.reinstated")]
    Reinstated { at: Timestamp },
    /// One of its Owners is no longer an active one.
    #[serde(rename = "tenant.owner_retired")]
    OwnerRetired { user: UserId, at: Timestamp },
    /// It has another name; from now on one of its own.
    #[serde(rename = "tenant.renamed")]
    Renamed { name: TenantName, at: Timestamp },
    /// It is addressed by another slug.
    #[serde(rename = "tenant.slug_changed")]
    SlugChanged { slug: Slug, at: Timestamp },
}

impl DomainEvent for TenantEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Created { .. } => "tenant.created",
            Self::Suspended { .. } => "tenant.suspended",
            Self::Reinstated { .. } => "tenant.reinstated",
            Self::OwnerRetired { .. } => "tenant.owner_retired",
            Self::Renamed { .. } => "tenant.renamed",
            Self::SlugChanged { .. } => "tenant.slug_changed",
        };
        name.to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a tenant refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TenantError {
    /// No such tenant.
    #[error("tenant not found")]
    NotFound,
    /// The id is in use.
    #[error("this tenant exists already")]
    AlreadyCreated,
    /// Another tenant has the slug.
    #[error("a tenant with this name exists already")]
    SlugTaken,
    /// Not a name.
    #[error("the name of a tenant has {chars} characters, 1 to {NAME_CHARS_MAX} printable ones are allowed")]
    NameMalformed {
        /// How long it was.
        chars: usize,
    },
}

impl Root for Tenant {
    type Intent = TenantCommand;
    type Refusal = TenantError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<TenantCommand>) -> Result<Vec<TenantEvent>, TenantError> {
        let Issued { command, at, .. } = issued;
        match (self, command) {
            (Self::Unwritten, TenantCommand::Create { naming, slug }) => {
                Ok(vec![TenantEvent::Created { naming, slug, at }])
            }
            (Self::Active { .. } | Self::Suspended { .. }, TenantCommand::Create { .. }) => {
                Err(TenantError::AlreadyCreated)
            }
            (
                Self::Unwritten,
                TenantCommand::Suspend
                | TenantCommand::Reinstate
                | TenantCommand::Update { .. }
                | TenantCommand::RetireOwner { .. },
            ) => Err(TenantError::NotFound),
            (
                Self::Active { naming, slug } | Self::Suspended { naming, slug },
                TenantCommand::Update { name, slug: other },
            ) => {
                let name = name.filter(|name| !matches!(naming, Naming::Given(given) if given == name));
                let other = other.filter(|other| other != slug);
                let renamed = name.map(|name| TenantEvent::Renamed { name, at });
                let moved = other.map(|slug| TenantEvent::SlugChanged { slug, at });
                Ok(renamed.into_iter().chain(moved).collect())
            }
            (Self::Active { .. }, TenantCommand::Suspend) => Ok(vec![TenantEvent::Suspended { at }]),
            (Self::Suspended { .. }, TenantCommand::Reinstate) => Ok(vec![TenantEvent::Reinstated { at }]),
            (Self::Suspended { .. }, TenantCommand::Suspend)
            | (Self::Active { .. }, TenantCommand::Reinstate) => Ok(Vec::new()),
            (Self::Active { .. } | Self::Suspended { .. }, TenantCommand::RetireOwner { user }) => {
                Ok(vec![TenantEvent::OwnerRetired { user, at }])
            }
        }
    }

    fn evolve(&mut self, event: TenantEvent) {
        match (&mut *self, event) {
            (_, TenantEvent::Created { naming, slug, .. }) => *self = Self::Active { naming, slug },
            (
                Self::Active { naming, .. } | Self::Suspended { naming, .. },
                TenantEvent::Renamed { name, .. },
            ) => *naming = Naming::Given(name),
            (
                Self::Active { slug, .. } | Self::Suspended { slug, .. },
                TenantEvent::SlugChanged { slug: other, .. },
            ) => *slug = other,
            (Self::Active { naming, slug }, TenantEvent::Suspended { .. }) => {
                *self = Self::Suspended { naming: naming.clone(), slug: slug.clone() };
            }
            (Self::Suspended { naming, slug }, TenantEvent::Reinstated { .. }) => {
                *self = Self::Active { naming: naming.clone(), slug: slug.clone() };
            }
            (
                Self::Unwritten | Self::Active { .. } | Self::Suspended { .. },
                TenantEvent::Suspended { .. }
                | TenantEvent::Reinstated { .. }
                | TenantEvent::Renamed { .. }
                | TenantEvent::SlugChanged { .. }
                | TenantEvent::OwnerRetired { .. },
            ) => {}
        }
    }

    fn claims(&self) -> Vec<Claim> {
        match self {
            Self::Unwritten => Vec::new(),
            Self::Active { slug, .. } | Self::Suspended { slug, .. } => vec![Claim::new(SLUG, slug.as_str())],
        }
    }

    fn taken(_: &Claim) -> TenantError {
        TenantError::SlugTaken
    }
}

impl Tenant {
    /// What it is called and what addresses it, once it was made.
    pub fn names(&self) -> Option<(&Naming, &Slug)> {
        match self {
            Self::Unwritten => None,
            Self::Active { naming, slug } | Self::Suspended { naming, slug } => Some((naming, slug)),
        }
    }

    /// Whether its people are kept out.
    pub fn is_suspended(&self) -> bool {
        matches!(self, Self::Suspended { .. })
    }
}

#[cfg(test)]
mod spec;

hosted_by_cqrs_es!(Tenant, TenantCommand, TenantEvent, TenantError, "tenant");
