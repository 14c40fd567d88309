//! What can be asked of an operator.

use super::OperatorRole;
use crate::{
    BlindIndex, Sealed, SessionId, Timestamp,
    two_factor::{Confirmation, TwoFactorCommand},
};

/// Everything that can be asked of an operator.
#[derive(Debug, Clone)]
pub enum OperatorCommand {
    /// Make one. Personal data comes sealed with the new operator's own key.
    Create {
        /// Full name, sealed.
        fullname: Sealed,
        /// E-mail address, sealed.
        email: Sealed,
        /// To look the e-mail address up.
        email_index: BlindIndex,
        /// The hash of the password, sealed.
        password: Sealed,
        /// What the operator may do.
        role: OperatorRole,
    },
    /// Open a session; the password was checked.
    SignIn(PortalSession),
    /// End a session.
    SignOut {
        /// Which.
        session: SessionId,
    },
    /// Change what is `Some`.
    Update {
        /// Another full name, sealed.
        fullname: Option<Sealed>,
        /// Another role.
        role: Option<OperatorRole>,
        /// Whether the operator may work.
        active: Option<bool>,
    },
    /// Replace the password; the one that was shown was checked.
    ChangePassword {
        /// What it was checked against: another one by now means that the check is worth nothing.
        checked: Sealed,
        /// The hash of the new password, sealed.
        password: Sealed,
    },
    /// Show that the operator of an open session is still there.
    Confirm(Confirmation),
    /// What the second factor asks.
    TwoFactor(TwoFactorCommand<PortalSession>),
}

/// One signed-in operator at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalSession {
    /// Its id.
    pub id: SessionId,
    /// Until when its token works.
    pub expires_at: Timestamp,
}
