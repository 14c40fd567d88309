//! Codes and fields of what users and tenants refuse.

use std::time::Duration;

use domain::{tenant::TenantError, user::UserError};

use crate::{Code, Refusal};

impl Refusal for UserError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyRegistered | Self::UsernameTaken | Self::EmailTaken | Self::AlreadyInvited => {
                Code::AlreadyExists
            }
            Self::FullnameMalformed
            | Self::UsernameMalformed
            | Self::EmailMalformed
            | Self::PasswordWeak
            | Self::PasswordCommon
            | Self::TokenInvalid
            | Self::CurrentPasswordWrong
            | Self::PasswordWrong
            | Self::OwnSuspension
            | Self::LastOwner
            | Self::NotAccepted
            | Self::TooManyRoles
            | Self::RoleUnknown => Code::ValidationFailed,
            Self::InvalidCredentials | Self::NotVerified | Self::Suspended | Self::SessionInvalid => {
                Code::Unauthenticated
            }
            Self::ReferralCodeTaken => Code::Unavailable,
            Self::TwoFactor(error) => error.code(),
            Self::Role(error) => error.code(),
            Self::Tenant(error) => error.code(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::FullnameMalformed => Some("fullname"),
            Self::UsernameMalformed | Self::UsernameTaken => Some("username"),
            Self::EmailMalformed | Self::EmailTaken | Self::AlreadyInvited => Some("email"),
            Self::PasswordWeak | Self::PasswordCommon | Self::PasswordWrong => Some("password"),
            Self::TokenInvalid => Some("token"),
            Self::TwoFactor(error) => error.field(),
            Self::CurrentPasswordWrong => Some("currentPassword"),
            Self::RoleUnknown => Some("roles"),
            Self::Role(error) => error.field(),
            Self::Tenant(error) => error.field(),
            Self::TooManyRoles
            | Self::NotFound
            | Self::AlreadyRegistered
            | Self::InvalidCredentials
            | Self::NotVerified
            | Self::Suspended
            | Self::SessionInvalid
            | Self::OwnSuspension
            | Self::LastOwner
            | Self::NotAccepted
            | Self::ReferralCodeTaken => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::TwoFactor(error) = self { error.retry_after() } else { None }
    }
}

impl Refusal for TenantError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyCreated | Self::SlugTaken => Code::AlreadyExists,
            Self::NameMalformed { .. } => Code::ValidationFailed,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound => None,
            Self::AlreadyCreated | Self::SlugTaken | Self::NameMalformed { .. } => Some("tenantName"),
        }
    }
}
