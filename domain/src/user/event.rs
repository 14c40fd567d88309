//! What happened to a user.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{
    BlindIndex, Sealed, SessionId, TenantId, Timestamp, TokenHash, UserId,
    role::RoleRef,
    two_factor::{Bound, Challenged, Factor, Generated, Passed, Refused, Reset, Unbound, stores_two_factor},
};

/// What happened to a user. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
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
        roles: Vec<RoleRef>,
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
    SignedIn {
        session: SessionId,
        refresh: TokenHash,
        expires_at: Timestamp,
        /// The network it was opened from, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Sealed>,
        /// Whether the person came from other networks before, and never from this one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        strange: bool,
        at: Timestamp,
    },
    /// A session goes on under a new refresh token.
    #[serde(rename = "user.session_refreshed")]
    SessionRefreshed { session: SessionId, refresh: TokenHash, expires_at: Timestamp, at: Timestamp },
    /// The person of an open session showed the password again, and the second factor where one is
    /// bound.
    #[serde(rename = "user.session_confirmed")]
    SessionConfirmed { session: SessionId, factor: Option<Factor>, at: Timestamp },
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
    /// The second factor was taken away by an operator.
    #[serde(rename = "user.two_factor_reset")]
    TwoFactorReset(Reset),
    /// The password was right; the second factor is still to be shown.
    #[serde(rename = "user.two_factor_challenged")]
    TwoFactorChallenged(Challenged),
    /// The second factor was right.
    #[serde(rename = "user.two_factor_passed")]
    TwoFactorPassed(Passed),
    /// A code was wrong.
    #[serde(rename = "user.two_factor_refused")]
    TwoFactorRefused(Refused),
    /// Somebody brought the person here.
    #[serde(rename = "user.referred")]
    Referred { referrer_tenant: TenantId, referrer: UserId, at: Timestamp },
    /// Another verification was mailed; the one before works no longer.
    #[serde(rename = "user.verification_requested")]
    VerificationRequested {
        verification_hash: TokenHash,
        verification_token: Sealed,
        verification_expires_at: Timestamp,
        at: Timestamp,
    },
    /// A token that replaces a forgotten password was mailed.
    #[serde(rename = "user.password_reset_requested")]
    PasswordResetRequested {
        reset_hash: TokenHash,
        reset_token: Sealed,
        expires_at: Timestamp,
        at: Timestamp,
    },
    /// There is another password.
    #[serde(rename = "user.password_changed")]
    PasswordChanged { password: Sealed, reason: PasswordChange, at: Timestamp },
    /// Another full name.
    #[serde(rename = "user.renamed")]
    Renamed { fullname: Sealed, at: Timestamp },
    /// Another username.
    #[serde(rename = "user.username_changed")]
    UsernameChanged { username: Sealed, username_index: BlindIndex, at: Timestamp },
    /// The person is kept out.
    #[serde(rename = "user.suspended")]
    Suspended { at: Timestamp },
    /// The person may come in again.
    #[serde(rename = "user.reinstated")]
    Reinstated { at: Timestamp },
    /// Somebody was asked to join; a later invitation replaces the one before.
    #[serde(rename = "user.invited")]
    Invited {
        tenant: TenantId,
        /// Nobody of the tenant, when an operator invited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
        fullname: Sealed,
        email: Sealed,
        email_index: BlindIndex,
        roles: Vec<RoleRef>,
        invitation_hash: TokenHash,
        invitation_token: Sealed,
        invitation_expires_at: Timestamp,
        at: Timestamp,
    },
    /// An invited person became a user; the token came by mail, so the address is verified.
    #[serde(rename = "user.invitation_accepted")]
    InvitationAccepted {
        fullname: Sealed,
        username: Sealed,
        username_index: BlindIndex,
        password: Sealed,
        referral_code: String,
        at: Timestamp,
    },
    /// The person is to be forgotten: the key of the personal data is destroyed.
    #[serde(rename = "user.erased")]
    Erased { at: Timestamp },
    /// Mailed tokens were not used in time, and are cleared away.
    #[serde(rename = "user.tokens_expired")]
    TokensExpired { at: Timestamp },
    /// May do what a role allows, too.
    #[serde(rename = "user.role_assigned")]
    RoleAssigned { role: RoleRef, at: Timestamp },
    /// May do no more what only this role allows.
    #[serde(rename = "user.role_revoked")]
    RoleRevoked { role: RoleRef, at: Timestamp },
}

stores_two_factor! {
    UserEvent,
    TwoFactorGenerated = Generated,
    TwoFactorBound = Bound,
    TwoFactorUnbound = Unbound,
    TwoFactorReset = Reset,
    TwoFactorChallenged = Challenged,
    TwoFactorPassed = Passed,
    TwoFactorRefused = Refused,
}

/// Why there is another password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordChange {
    /// The person knew the old one.
    Change,
    /// The person had forgotten it.
    Reset,
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// A refresh token was shown a second time: somebody copied it.
    TokenReused,
    /// More sessions than one person may have; the oldest goes.
    TooMany,
    /// The person signed out.
    LoggedOut,
    /// There is another password.
    PasswordChanged,
    /// The person is kept out.
    Suspended,
    /// The second factor was taken away.
    SecondFactorReset,
}

impl DomainEvent for UserEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Registered { .. } => "user.registered",
            Self::EmailVerified { .. } => "user.email_verified",
            Self::Erased { .. } => "user.erased",
            Self::TokensExpired { .. } => "user.tokens_expired",
            Self::RoleAssigned { .. } => "user.role_assigned",
            Self::RoleRevoked { .. } => "user.role_revoked",
            Self::SignedIn { .. } => "user.signed_in",
            Self::SessionRefreshed { .. } => "user.session_refreshed",
            Self::SessionConfirmed { .. } => "user.session_confirmed",
            Self::SessionRevoked { .. } => "user.session_revoked",
            Self::TwoFactorGenerated(_) => "user.two_factor_generated",
            Self::TwoFactorBound(_) => "user.two_factor_bound",
            Self::TwoFactorUnbound(_) => "user.two_factor_unbound",
            Self::TwoFactorReset(_) => "user.two_factor_reset",
            Self::TwoFactorChallenged(_) => "user.two_factor_challenged",
            Self::TwoFactorPassed(_) => "user.two_factor_passed",
            Self::TwoFactorRefused(_) => "user.two_factor_refused",
            Self::Referred { .. } => "user.referred",
            Self::VerificationRequested { .. } => "user.verification_requested",
            Self::PasswordResetRequested { .. } => "user.password_reset_requested",
            Self::PasswordChanged { .. } => "user.password_changed",
            Self::Renamed { .. } => "user.renamed",
            Self::UsernameChanged { .. } => "user.username_changed",
            Self::Suspended { .. } => "user.suspended",
            Self::Reinstated { .. } => "user.reinstated",
            Self::Invited { .. } => "user.invited",
            Self::InvitationAccepted { .. } => "user.invitation_accepted",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
