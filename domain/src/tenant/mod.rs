//! Tenants: the companies, and people on their own, that share nothing.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Claim, Issued, Root, Timestamp, UserId, shared::hosted_by_cqrs_es, tag::Slug};

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 100;
const SLUG: &str = "tenant.slug";

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
}

/// What happened to a tenant. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TenantEvent {
    /// It was made.
    #[serde(rename = "tenant.created")]
    Created { naming: Naming, slug: Slug, at: Timestamp },
}

impl DomainEvent for TenantEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created { .. } => "tenant.created".to_owned(),
        }
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a tenant refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TenantError {
    /// The id is in use.
    #[error("this tenant exists already")]
    AlreadyCreated,
    /// Another tenant has the slug.
    #[error("a tenant with this name exists already")]
    SlugTaken,
    /// Not a name.
    #[error("tenantName has {chars} characters, 1 to {NAME_CHARS_MAX} printable ones are allowed")]
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
        match (self, issued.command) {
            (Self::Unwritten, TenantCommand::Create { naming, slug }) => {
                Ok(vec![TenantEvent::Created { naming, slug, at: issued.at }])
            }
            (Self::Active { .. }, TenantCommand::Create { .. }) => Err(TenantError::AlreadyCreated),
        }
    }

    fn evolve(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::Created { naming, slug, .. } => *self = Self::Active { naming, slug },
        }
    }

    fn claims(&self) -> Vec<Claim> {
        match self {
            Self::Unwritten => Vec::new(),
            Self::Active { slug, .. } => vec![Claim::new(SLUG, slug.as_str())],
        }
    }

    fn taken(_: &Claim) -> TenantError {
        TenantError::SlugTaken
    }
}

hosted_by_cqrs_es!(Tenant, TenantCommand, TenantEvent, TenantError, "tenant");
