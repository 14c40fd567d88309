//! What can be asked of a user.

use crate::{
    BlindIndex, Sealed, SessionId, TenantId, Timestamp, TokenHash, UserId,
    role::RoleRef,
    two_factor::{Confirmation, TwoFactorCommand},
};

/// Everything that can be asked of a user.
#[derive(Debug, Clone)]
pub enum UserCommand {
    /// Be forgotten.
    Erase,
    /// Clear away mailed tokens that were not used in time.
    ForgetTokens,
    /// May do what a role allows, too.
    AssignRole(RoleRef),
    /// May do no more what only this role allows.
    RevokeRole(RoleRef),
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
    /// Show that the person of an open session is still there.
    Confirm(Confirmation),
    /// Mail a new verification; the old one stops working.
    RequestVerification(SecuredToken),
    /// Mail a token that replaces a forgotten password.
    RequestReset(SecuredToken),
    /// Replace a forgotten password.
    ResetPassword {
        /// The hash of the token from the mail.
        token: TokenHash,
        /// The Argon2id hash of the new password, sealed.
        password: Sealed,
    },
    /// Replace the password; the one that was shown was checked.
    ChangePassword {
        /// What it was checked against: another one by now means that the check is worth nothing.
        checked: Sealed,
        /// The Argon2id hash of the new password, sealed.
        password: Sealed,
    },
    /// Change what people see.
    UpdateProfile(ProfileChange),
    /// End one session.
    EndSession(SessionId),
    /// End all sessions.
    EndSessions,
    /// Keep the person out; an invitation is withdrawn.
    Suspend,
    /// Let the person in again.
    Reinstate,
    /// Ask somebody to join a tenant.
    Invite(Box<Invite>),
    /// Follow an invitation.
    AcceptInvitation(Box<Acceptance>),
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
    pub roles: Vec<RoleRef>,
    /// `REF-` and six upper-case hex digits.
    pub referral_code: String,
    /// Who brought the person here.
    pub referrer: Option<Referrer>,
    /// How the e-mail address is to be verified.
    pub verification: SecuredToken,
}

/// Who brought somebody here, in whatever tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referrer {
    /// Where the referrer belongs.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
}

/// What people see of a person; `None` is unchanged.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// Full name, sealed.
    pub fullname: Option<Sealed>,
    /// Username, sealed, and to look it up.
    pub username: Option<(Sealed, BlindIndex)>,
}

/// Asks somebody to join a tenant.
#[derive(Debug, Clone)]
pub struct Invite {
    /// Which tenant.
    pub tenant: TenantId,
    /// By whom of that tenant; nobody, when an operator invites.
    pub by: Option<UserId>,
    /// Full name, sealed.
    pub fullname: Sealed,
    /// E-mail address, sealed.
    pub email: Sealed,
    /// To look the e-mail address up.
    pub email_index: BlindIndex,
    /// What the person will be allowed to do.
    pub roles: Vec<RoleRef>,
    /// What the invitation is followed with.
    pub invitation: SecuredToken,
}

/// Follows an invitation: what only the invited person can say.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// The hash of the token from the mail.
    pub token: TokenHash,
    /// Full name, sealed, when the inviter wrote it wrongly.
    pub fullname: Option<Sealed>,
    /// Username, sealed.
    pub username: Sealed,
    /// To look the username up.
    pub username_index: BlindIndex,
    /// The Argon2id hash of the password, sealed.
    pub password: Sealed,
    /// `REF-` and six upper-case hex digits.
    pub referral_code: String,
}

/// A random token that was mailed: single use, and not for ever.
#[derive(Debug, Clone)]
pub struct SecuredToken {
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
    /// The network it is opened from, sealed, where that is known.
    pub place: Option<Sealed>,
}
