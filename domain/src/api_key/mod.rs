//! Keys for machines: they act for the person who made them, within what both may do.

mod command;
mod error;
mod event;
#[cfg(test)]
mod spec;
mod value;

use std::collections::BTreeSet;

pub use command::{ApiKeyCommand, CreateApiKey};
pub use error::ApiKeyError;
pub use event::ApiKeyEvent;
use serde::{Deserialize, Serialize};
pub use value::{KeyName, NAME_CHARS_MAX, Slot};

use crate::{
    Claim, Issued, Root, TenantId, Timestamp, TokenHash, UserId, role::Permission, shared::hosted_by_cqrs_es,
};

/// The most keys that one person may have which are not revoked.
pub const KEYS_MAX: u8 = 20;
/// That a key is used is noted at most this often: once an hour.
pub const USE_NOTED_EVERY_SECONDS: i64 = 60 * 60;
/// The scope in which a key is found by its hash.
pub const HASH: &str = "api_key.hash";
/// The scope in which each of a person's [`KEYS_MAX`] places is taken once.
const SLOT: &str = "api_key.slot";

/// A key's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKey {
    /// Nobody made it yet.
    #[default]
    Unwritten,
    /// It opens, until it expires.
    Live(KeySheet),
    /// It opens nothing any more.
    Revoked {
        /// What it was.
        sheet: KeySheet,
        /// Since when.
        at: Timestamp,
    },
}

/// What a key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySheet {
    /// Where it works.
    pub tenant: TenantId,
    /// For whom it acts.
    pub owner: UserId,
    /// What its owner reads.
    pub name: KeyName,
    /// How it begins, to be told from others.
    pub prefix: String,
    /// The SHA-256 of it.
    pub hash: TokenHash,
    /// The most it allows.
    pub permissions: BTreeSet<Permission>,
    /// Until when it opens; for ever without.
    pub expires_at: Option<Timestamp>,
    /// Which of its owner's places it takes.
    pub slot: Slot,
    /// When it was used, as far as that was noted.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl KeySheet {
    /// Whether it opens at a moment.
    pub fn opens(&self, at: Timestamp) -> bool {
        self.expires_at.is_none_or(|until| at < until)
    }

    /// Whether a use at a moment is to be noted.
    pub fn notes_use(&self, at: Timestamp) -> bool {
        self.last_used_at
            .is_none_or(|last| at.signed_duration_since(last).num_seconds() >= USE_NOTED_EVERY_SECONDS)
    }
}

impl ApiKey {
    /// What it is, unless it is revoked.
    pub fn live(&self) -> Option<&KeySheet> {
        match self {
            Self::Live(sheet) => Some(sheet),
            Self::Unwritten | Self::Revoked { .. } => None,
        }
    }

    /// What it is or was.
    pub fn sheet(&self) -> Option<&KeySheet> {
        match self {
            Self::Unwritten => None,
            Self::Live(sheet) | Self::Revoked { sheet, .. } => Some(sheet),
        }
    }

    /// Since when it is revoked.
    pub fn revoked_at(&self) -> Option<Timestamp> {
        match self {
            Self::Unwritten | Self::Live(_) => None,
            Self::Revoked { at, .. } => Some(*at),
        }
    }

    fn create(&self, create: CreateApiKey, at: Timestamp) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        match self {
            Self::Unwritten => {}
            Self::Live(_) | Self::Revoked { .. } => return Err(ApiKeyError::AlreadyCreated),
        }
        if create.expires_at.is_some_and(|until| until <= at) {
            return Err(ApiKeyError::ExpiryPast);
        }
        let CreateApiKey { tenant, owner, name, prefix, hash, permissions, expires_at, slot } = create;
        Ok(vec![ApiKeyEvent::Created {
            tenant,
            owner,
            name,
            prefix,
            hash,
            permissions,
            expires_at,
            slot,
            at,
        }])
    }

    fn note_use(&self, at: Timestamp) -> Vec<ApiKeyEvent> {
        let noted = self.live().is_some_and(|sheet| sheet.opens(at) && sheet.notes_use(at));
        if noted { vec![ApiKeyEvent::Used { at }] } else { Vec::new() }
    }

    fn revoke(&self, by: UserId, at: Timestamp) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        match self {
            Self::Live(sheet) if sheet.owner == by => Ok(vec![ApiKeyEvent::Revoked { at }]),
            Self::Revoked { sheet, .. } if sheet.owner == by => Ok(Vec::new()),
            Self::Unwritten | Self::Live(_) | Self::Revoked { .. } => Err(ApiKeyError::NotFound),
        }
    }
}

impl Root for ApiKey {
    type Intent = ApiKeyCommand;
    type Refusal = ApiKeyError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<ApiKeyCommand>) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        let Issued { command, at, .. } = issued;
        match command {
            ApiKeyCommand::Create(create) => self.create(create, at),
            ApiKeyCommand::NoteUse => Ok(self.note_use(at)),
            ApiKeyCommand::Revoke { by } => self.revoke(by, at),
        }
    }

    fn evolve(&mut self, event: ApiKeyEvent) {
        match (&mut *self, event) {
            (
                _,
                ApiKeyEvent::Created { tenant, owner, name, prefix, hash, permissions, expires_at, slot, at },
            ) => {
                *self = Self::Live(KeySheet {
                    tenant,
                    owner,
                    name,
                    prefix,
                    hash,
                    permissions,
                    expires_at,
                    slot,
                    last_used_at: None,
                    created_at: at,
                });
            }
            (Self::Live(sheet), ApiKeyEvent::Used { at }) => sheet.last_used_at = Some(at),
            (Self::Live(sheet), ApiKeyEvent::Revoked { at }) => {
                *self = Self::Revoked { sheet: sheet.clone(), at };
            }
            // Such a stream cannot be written; reading it changes nothing.
            (
                Self::Unwritten | Self::Revoked { .. },
                ApiKeyEvent::Used { .. } | ApiKeyEvent::Revoked { .. },
            ) => {}
        }
    }

    fn claims(&self) -> Vec<Claim> {
        let Some(sheet) = self.live() else { return Vec::new() };
        let place = format!("{}/{}/{}", sheet.tenant, sheet.owner, sheet.slot);
        vec![Claim::new(HASH, sheet.hash.as_str()), Claim::new(SLOT, place)]
    }

    /// Hashes of random keys do not meet: it is the place.
    fn taken(_: &Claim) -> ApiKeyError {
        ApiKeyError::TooMany
    }
}

hosted_by_cqrs_es!(ApiKey, ApiKeyCommand, ApiKeyEvent, ApiKeyError, "api_key");
