//! What can be asked of a user.

use crate::{
    BlindIndex, Sealed, SessionId, TenantId, Timestamp, TokenHash, role::SystemRole,
    two_factor::TwoFactorCommand,
};

/// Everything that can be asked of a user.
#[derive(Debug, Clone)]
pub enum UserCommand {
    /// Become a user.
    Register(Box<Register>),
    /// Show that the e-mail address is one's own.
    VerifyEmail {
        /// The hash of the token from the mail.
        token: TokenHash,
    },
    /// Open a session; the password was checked.
    SignIn(Session),
    /// Go on with a session under a new refresh token.
    Refresh {
        /// The hash of the token that was shown.
        shown: TokenHash,
        /// The session under its new token.
        session: Session,
    },
    /// What the second factor asks.
    TwoFactor(TwoFactorCommand<Session>),
}

/// Becomes a user. Personal data comes sealed with the new user's own key.
#[derive(Debug, Clone)]
pub struct Register {
    /// Where the user belongs.
    pub tenant: TenantId,
    /// Full name, sealed.
    pub fullname: Sealed,
    /// Username, sealed.
    pub username: Sealed,
    /// To look the username up.
    pub username_index: BlindIndex,
    /// E-mail address, sealed.
    pub email: Sealed,
    /// To look the e-mail address up.
    pub email_index: BlindIndex,
    /// The Argon2id hash of the password, sealed.
    pub password: Sealed,
    /// What the user may do.
    pub roles: Vec<SystemRole>,
    /// `REF-` and six upper-case hex digits.
    pub referral_code: String,
    /// How the e-mail address is to be verified.
    pub verification: Verification,
}

/// A secured token for the e-mail address.
#[derive(Debug, Clone)]
pub struct Verification {
    /// What the token is compared with.
    pub hash: TokenHash,
    /// The token for the mail, sealed.
    pub token: Sealed,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// One signed-in device.
#[derive(Debug, Clone)]
pub struct Session {
    /// The family of refresh tokens.
    pub id: SessionId,
    /// The hash of its current refresh token.
    pub refresh: TokenHash,
    /// Until when it can be refreshed.
    pub expires_at: Timestamp,
}
