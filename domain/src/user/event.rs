//! What happened to a user.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{
    BlindIndex, Sealed, SessionId, TenantId, Timestamp, TokenHash,
    role::SystemRole,
    two_factor::{Bound, Challenged, Generated, Passed, Refused, Unbound, stores_two_factor},
};

/// What happened to a user. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the first of each stream, and never kept in bulk"
)]
pub enum UserEvent {
    /// A person became a user.
    #[serde(rename = "user.registered")]
    Registered {
        tenant: TenantId,
        fullname: Sealed,
        username: Sealed,
        username_index: BlindIndex,
        email: Sealed,
        email_index: BlindIndex,
        password: Sealed,
        roles: Vec<SystemRole>,
        referral_code: String,
        verification_hash: TokenHash,
        verification_token: Sealed,
        verification_expires_at: Timestamp,
        at: Timestamp,
    },
    /// The e-mail address is the person's own.
    #[serde(rename = "user.email_verified")]
    EmailVerified { at: Timestamp },
    /// A session was opened.
    #[serde(rename = "user.signed_in")]
    SignedIn { session: SessionId, refresh: TokenHash, expires_at: Timestamp, at: Timestamp },
    /// A session goes on under a new refresh token.
    #[serde(rename = "user.session_refreshed")]
    SessionRefreshed { session: SessionId, refresh: TokenHash, expires_at: Timestamp, at: Timestamp },
    /// A session ended before its time.
    #[serde(rename = "user.session_revoked")]
    SessionRevoked { session: SessionId, reason: Revocation, at: Timestamp },
    /// A secret for a second factor was given out.
    #[serde(rename = "user.two_factor_generated")]
    TwoFactorGenerated(Generated),
    /// A second factor was set up.
    #[serde(rename = "user.two_factor_bound")]
    TwoFactorBound(Bound),
    /// The second factor was removed.
    #[serde(rename = "user.two_factor_unbound")]
    TwoFactorUnbound(Unbound),
    /// The password was right; the second factor is still to be shown.
    #[serde(rename = "user.two_factor_challenged")]
    TwoFactorChallenged(Challenged),
    /// The second factor was right.
    #[serde(rename = "user.two_factor_passed")]
    TwoFactorPassed(Passed),
    /// A code was wrong.
    #[serde(rename = "user.two_factor_refused")]
    TwoFactorRefused(Refused),
}

stores_two_factor! {
    UserEvent,
    TwoFactorGenerated = Generated,
    TwoFactorBound = Bound,
    TwoFactorUnbound = Unbound,
    TwoFactorChallenged = Challenged,
    TwoFactorPassed = Passed,
    TwoFactorRefused = Refused,
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// A refresh token was shown a second time: somebody copied it.
    TokenReused,
    /// More sessions than one person may have; the oldest goes.
    TooMany,
}

impl DomainEvent for UserEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Registered { .. } => "user.registered",
            Self::EmailVerified { .. } => "user.email_verified",
            Self::SignedIn { .. } => "user.signed_in",
            Self::SessionRefreshed { .. } => "user.session_refreshed",
            Self::SessionRevoked { .. } => "user.session_revoked",
            Self::TwoFactorGenerated(_) => "user.two_factor_generated",
            Self::TwoFactorBound(_) => "user.two_factor_bound",
            Self::TwoFactorUnbound(_) => "user.two_factor_unbound",
            Self::TwoFactorChallenged(_) => "user.two_factor_challenged",
            Self::TwoFactorPassed(_) => "user.two_factor_passed",
            Self::TwoFactorRefused(_) => "user.two_factor_refused",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
