//! Codes and fields of what users and tenants refuse.

use std::time::Duration;

use domain::{tenant::TenantError, user::UserError};

use crate::{Code, Refusal};

impl Refusal for UserError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyRegistered | Self::UsernameTaken | Self::EmailTaken => Code::AlreadyExists,
            Self::FullnameMalformed
            | Self::UsernameMalformed
            | Self::EmailMalformed
            | Self::PasswordWeak
            | Self::TokenInvalid => Code::ValidationFailed,
            Self::InvalidCredentials | Self::NotVerified | Self::SessionInvalid => Code::Unauthenticated,
            Self::TwoFactor(error) => error.code(),
            Self::Tenant(error) => error.code(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::FullnameMalformed => Some("fullname"),
            Self::UsernameMalformed | Self::UsernameTaken => Some("username"),
            Self::EmailMalformed | Self::EmailTaken => Some("email"),
            Self::PasswordWeak => Some("password"),
            Self::TokenInvalid => Some("token"),
            Self::TwoFactor(error) => error.field(),
            Self::Tenant(error) => error.field(),
            Self::NotFound
            | Self::AlreadyRegistered
            | Self::InvalidCredentials
            | Self::NotVerified
            | Self::SessionInvalid => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::TwoFactor(error) = self { error.retry_after() } else { None }
    }
}

impl Refusal for TenantError {
    fn code(&self) -> Code {
        match self {
            Self::AlreadyCreated | Self::SlugTaken => Code::AlreadyExists,
            Self::NameMalformed { .. } => Code::ValidationFailed,
        }
    }

    fn field(&self) -> Option<&'static str> {
        Some("tenantName")
    }
}
