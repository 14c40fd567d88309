//! Codes and fields of what operators refuse.

use std::time::Duration;

use domain::operator::OperatorError;

use crate::{Code, Refusal};

impl Refusal for OperatorError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyCreated | Self::EmailTaken => Code::AlreadyExists,
            Self::InvalidCredentials | Self::Deactivated => Code::Unauthenticated,
            Self::LastSuperAdmin | Self::CurrentPasswordWrong | Self::PasswordWrong | Self::OwnTwoFactor => {
                Code::ValidationFailed
            }
            Self::TwoFactor(error) => error.code(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::EmailTaken => Some("email"),
            Self::CurrentPasswordWrong => Some("currentPassword"),
            Self::PasswordWrong => Some("password"),
            Self::TwoFactor(error) => error.field(),
            Self::NotFound
            | Self::AlreadyCreated
            | Self::InvalidCredentials
            | Self::Deactivated
            | Self::LastSuperAdmin
            | Self::OwnTwoFactor => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::TwoFactor(error) = self { error.retry_after() } else { None }
    }
}
