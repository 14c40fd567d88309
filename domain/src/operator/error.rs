//! Why an operator refuses.

use thiserror::Error;

use crate::two_factor::TwoFactorError;

/// Why an operator refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OperatorError {
    /// No such operator.
    #[error("operator not found")]
    NotFound,
    /// The id is in use.
    #[error("this operator exists already")]
    AlreadyCreated,
    /// Another operator has it.
    #[error("an operator with this email exists already")]
    EmailTaken,
    /// Unknown operator or wrong password: never said which.
    #[error("Invalid credentials")]
    InvalidCredentials,
    /// May not work any more. Said only to somebody who knows the password.
    #[error("This account has been suspended")]
    Deactivated,
    /// Nobody could manage operators any more.
    #[error("the last active SUPER_ADMIN can be neither demoted nor deactivated")]
    LastSuperAdmin,
    /// Not the password the operator has.
    #[error("currentPassword is wrong")]
    CurrentPasswordWrong,
    /// Not the password the operator has, in an open session.
    #[error("password is wrong")]
    PasswordWrong,
    /// Nobody vouches for oneself.
    #[error("you cannot take away your own second factor like this; unbindTwoFactor does, with a code")]
    OwnTwoFactor,
    /// The second factor refused.
    #[error(transparent)]
    TwoFactor(#[from] TwoFactorError),
}
