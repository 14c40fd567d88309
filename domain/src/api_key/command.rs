//! What can be asked of a key.

use std::collections::BTreeSet;

use super::{KeyName, Slot};
use crate::{TenantId, Timestamp, TokenHash, UserId, role::Permission};

/// Everything that can be asked of a key.
#[derive(Debug, Clone)]
pub enum ApiKeyCommand {
    /// Make it.
    Create(CreateApiKey),
    /// Note that it opened something.
    NoteUse,
    /// Let it open nothing any more.
    Revoke {
        /// Who asks: only its owner may.
        by: UserId,
    },
}

/// Makes a key.
#[derive(Debug, Clone)]
pub struct CreateApiKey {
    /// Where it works.
    pub tenant: TenantId,
    /// For whom it acts.
    pub owner: UserId,
    /// What its owner reads.
    pub name: KeyName,
    /// How it begins.
    pub prefix: String,
    /// The SHA-256 of it.
    pub hash: TokenHash,
    /// The most it allows.
    pub permissions: BTreeSet<Permission>,
    /// Until when it opens; for ever without.
    pub expires_at: Option<Timestamp>,
    /// Which of its owner's places it takes.
    pub slot: Slot,
}
