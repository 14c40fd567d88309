//! Why a user refuses.

use thiserror::Error;

use super::{FULLNAME_CHARS_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, ROLES_MAX, USERNAME_CHARS_MAX};
use crate::{role::RoleError, tenant::TenantError, two_factor::TwoFactorError};

/// Why a user refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UserError {
    /// No such user.
    #[error("user not found")]
    NotFound,
    /// The id is in use.
    #[error("this user exists already")]
    AlreadyRegistered,
    /// Another user has it.
    #[error("this username is taken")]
    UsernameTaken,
    /// Another user has it.
    #[error("this email is registered already")]
    EmailTaken,
    /// Not a name.
    #[error("fullname must have 1 to {FULLNAME_CHARS_MAX} printable characters")]
    FullnameMalformed,
    /// Not a username.
    #[error("username must be 1 to {USERNAME_CHARS_MAX} letters, digits and underscores")]
    UsernameMalformed,
    /// Not an address.
    #[error("email must be a valid address")]
    EmailMalformed,
    /// Too easy.
    #[error(
        "password must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters, \
         an upper-case letter and a digit"
    )]
    PasswordWeak,
    /// Everybody tries it first.
    #[error("password is one of the most common ones; choose another")]
    PasswordCommon,
    /// Unknown, used or expired.
    #[error("this token is invalid or has expired")]
    TokenInvalid,
    /// A refresh token that is unknown, used or expired.
    #[error("Invalid or expired refresh token")]
    SessionInvalid,
    /// Unknown user or wrong password: never said which.
    #[error("Invalid credentials")]
    InvalidCredentials,
    /// The e-mail address is not verified yet.
    #[error("Please verify your email address before logging in")]
    NotVerified,
    /// The second factor refused.
    #[error(transparent)]
    TwoFactor(#[from] TwoFactorError),
    /// The person, or the whole tenant, is kept out.
    #[error("This account has been suspended")]
    Suspended,
    /// Not the password the person has.
    #[error("currentPassword is wrong")]
    CurrentPasswordWrong,
    /// Not the password the person has, in an open session.
    #[error("password is wrong")]
    PasswordWrong,
    /// Nobody locks the door behind oneself.
    #[error("you cannot suspend yourself")]
    OwnSuspension,
    /// Somebody must be left who may do everything.
    #[error("the last active Owner of a tenant cannot be suspended")]
    LastOwner,
    /// The person was invited, and has no account yet.
    #[error("this person has not accepted the invitation; send a new one instead")]
    NotAccepted,
    /// Somebody invites the same address at the same time.
    #[error("this email is invited already")]
    AlreadyInvited,
    /// No such role.
    #[error("there is no role of this name")]
    RoleUnknown,
    /// A code is drawn at random; one that is taken is drawn again.
    #[error("no referral code was free, please try again")]
    ReferralCodeTaken,
    /// More roles than one person may have.
    #[error("a person may have at most {ROLES_MAX} roles")]
    TooManyRoles,
    /// A role refused.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// A new tenant refused.
    #[error(transparent)]
    Tenant(#[from] TenantError),
}
