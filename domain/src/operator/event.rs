//! What happened to an operator.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::OperatorRole;
use crate::{
    BlindIndex, Sealed, SessionId, Timestamp,
    two_factor::{Bound, Challenged, Factor, Generated, Passed, Refused, Reset, Unbound, stores_two_factor},
};

/// What happened to an operator. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum OperatorEvent {
    /// It was made.
    #[serde(rename = "operator.created")]
    Created {
        fullname: Sealed,
        email: Sealed,
        email_index: BlindIndex,
        password: Sealed,
        role: OperatorRole,
        at: Timestamp,
    },
    /// It signed in.
    #[serde(rename = "operator.signed_in")]
    SignedIn { session: SessionId, expires_at: Timestamp, at: Timestamp },
    /// The operator of an open session showed the password again, and the second factor where one
    /// is bound.
    #[serde(rename = "operator.session_confirmed")]
    SessionConfirmed { session: SessionId, factor: Option<Factor>, at: Timestamp },
    /// A session ended before its time; its token works no more.
    #[serde(rename = "operator.signed_out")]
    SignedOut { session: SessionId, reason: SignOut, at: Timestamp },
    /// It has another password.
    #[serde(rename = "operator.password_changed")]
    PasswordChanged { password: Sealed, at: Timestamp },
    /// It has another name.
    #[serde(rename = "operator.renamed")]
    Renamed { fullname: Sealed, at: Timestamp },
    /// It may do more, or less.
    #[serde(rename = "operator.role_changed")]
    RoleChanged { role: OperatorRole, at: Timestamp },
    /// It may not work on the portal any more.
    #[serde(rename = "operator.deactivated")]
    Deactivated { at: Timestamp },
    /// It may work on the portal again.
    #[serde(rename = "operator.reactivated")]
    Reactivated { at: Timestamp },
    /// A secret for a second factor was given out.
    #[serde(rename = "operator.two_factor_generated")]
    TwoFactorGenerated(Generated),
    /// A second factor was set up.
    #[serde(rename = "operator.two_factor_bound")]
    TwoFactorBound(Bound),
    /// The second factor was removed.
    #[serde(rename = "operator.two_factor_unbound")]
    TwoFactorUnbound(Unbound),
    /// The second factor was taken away by another operator.
    #[serde(rename = "operator.two_factor_reset")]
    TwoFactorReset(Reset),
    /// The password was right; the second factor is still to be shown.
    #[serde(rename = "operator.two_factor_challenged")]
    TwoFactorChallenged(Challenged),
    /// The second factor was right.
    #[serde(rename = "operator.two_factor_passed")]
    TwoFactorPassed(Passed),
    /// A code was wrong.
    #[serde(rename = "operator.two_factor_refused")]
    TwoFactorRefused(Refused),
}

stores_two_factor! {
    OperatorEvent,
    TwoFactorGenerated = Generated,
    TwoFactorBound = Bound,
    TwoFactorUnbound = Unbound,
    TwoFactorReset = Reset,
    TwoFactorChallenged = Challenged,
    TwoFactorPassed = Passed,
    TwoFactorRefused = Refused,
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignOut {
    /// The operator signed out.
    LoggedOut,
    /// More sessions than one operator may have; the oldest goes.
    TooMany,
    /// There is another password.
    PasswordChanged,
    /// The operator may do more or less than the session's token says.
    RoleChanged,
    /// The operator may not work any more.
    Deactivated,
    /// The second factor was taken away.
    SecondFactorReset,
}

impl DomainEvent for OperatorEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Created { .. } => "operator.created",
            Self::SignedIn { .. } => "operator.signed_in",
            Self::SessionConfirmed { .. } => "operator.session_confirmed",
            Self::SignedOut { .. } => "operator.signed_out",
            Self::PasswordChanged { .. } => "operator.password_changed",
            Self::Renamed { .. } => "operator.renamed",
            Self::RoleChanged { .. } => "operator.role_changed",
            Self::Deactivated { .. } => "operator.deactivated",
            Self::Reactivated { .. } => "operator.reactivated",
            Self::TwoFactorGenerated(_) => "operator.two_factor_generated",
            Self::TwoFactorBound(_) => "operator.two_factor_bound",
            Self::TwoFactorUnbound(_) => "operator.two_factor_unbound",
            Self::TwoFactorReset(_) => "operator.two_factor_reset",
            Self::TwoFactorChallenged(_) => "operator.two_factor_challenged",
            Self::TwoFactorPassed(_) => "operator.two_factor_passed",
            Self::TwoFactorRefused(_) => "operator.two_factor_refused",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
