//! What happened to a key.

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{KeyName, Slot};
use crate::{TenantId, Timestamp, TokenHash, UserId, role::Permission};

/// What happened to a key. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ApiKeyEvent {
    /// It was made.
    #[serde(rename = "api_key.created")]
    Created {
        tenant: TenantId,
        owner: UserId,
        name: KeyName,
        prefix: String,
        hash: TokenHash,
        permissions: BTreeSet<Permission>,
        expires_at: Option<Timestamp>,
        slot: Slot,
        at: Timestamp,
    },
    /// It opened something.
    #[serde(rename = "api_key.used")]
    Used { at: Timestamp },
    /// It opens nothing any more.
    #[serde(rename = "api_key.revoked")]
    Revoked { at: Timestamp },
}

impl DomainEvent for ApiKeyEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Created { .. } => "api_key.created",
            Self::Used { .. } => "api_key.used",
            Self::Revoked { .. } => "api_key.revoked",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
