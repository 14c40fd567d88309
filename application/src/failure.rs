//! Why a request did not happen: one variant per thing a surface does differently.

use std::{error::Error, fmt, time::Duration};

use domain::role::Permission;
use thiserror::Error;

use crate::ports::Wait;

/// Any error, boxed, on its way to the log.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An error and its causes in one line, for a log or a terminal.
#[derive(Debug)]
pub struct BoxedError<'a>(pub &'a (dyn std::error::Error + 'a));

impl std::fmt::Display for BoxedError<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// The codes clients rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The input breaks a rule.
    ValidationFailed,
    /// Nobody known asks.
    Unauthenticated,
    /// Somebody known may not.
    Forbidden,
    /// No such thing for this caller.
    NotFound,
    /// Somebody else changed it.
    Conflict,
    /// A unique value is taken.
    AlreadyExists,
    /// Too many requests.
    RateLimited,
    /// The document is too large to run.
    QueryTooComplex,
    /// It took too long.
    Timeout,
    /// Try again later.
    Unavailable,
    /// Our fault.
    Internal,
}

impl Code {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationFailed => "VALIDATION_FAILED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::RateLimited => "RATE_LIMITED",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A rule that said no: it has a code, and names the input field it speaks of.
pub trait Refusal: Error + Send + Sync + 'static {
    /// The code on the wire.
    fn code(&self) -> Code;
    /// The input field, as clients write it.
    fn field(&self) -> Option<&'static str> {
        None
    }
    /// With `RATE_LIMITED`: when to ask again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The refusal of what cannot refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Never {}

impl fmt::Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
impl Error for Never {}
impl Refusal for Never {
    fn code(&self) -> Code {
        match *self {}
    }
}

/// Why a request did not happen.
#[derive(Debug, Error)]
pub enum Failure<R: Error + 'static = Never> {
    /// A rule said no.
    #[error(transparent)]
    Rejected(R),
    /// Nobody is signed in.
    #[error("Authentication required")]
    Unauthenticated,
    /// Somebody is signed in, and lacks these.
    #[error("Missing permission: {}", list(.0))]
    Forbidden(Vec<Permission>),
    /// The operator's role is too low.
    #[error("This needs the role {0} or above")]
    RoleTooLow(&'static str),
    /// The caller belongs to the other surface.
    #[error("This endpoint requires a '{required}' token. Received '{received}' token.")]
    WrongPlatform {
        /// What this surface serves.
        required: &'static str,
        /// What was shown.
        received: &'static str,
    },
    /// Somebody else changed it, and our retries are used up or not allowed.
    #[error("this was changed by someone else at the same time")]
    Conflict {
        /// The version it has now.
        current_version: i64,
    },
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for a different request")]
    KeyReused,
    /// The idempotency key is empty or too long.
    #[error("idempotencyKey must have 1 to 128 printable characters")]
    KeyMalformed,
    /// What was asked for is not there yet.
    #[error("the data has not reached the requested position yet; please try again")]
    NotThereYet,
    /// A backend is away.
    #[error("temporarily unavailable, please try again")]
    Unavailable(#[source] BoxError),
    /// Our fault; the cause is logged, never sent.
    #[error("internal error")]
    Internal(#[source] BoxError),
    /// Too many attempts.
    #[error(transparent)]
    RateLimited(Wait),
    /// An API key asks for what only a person who is signed in may.
    #[error("This needs a person who is signed in; an API key is not enough")]
    NotInPerson,
    /// Somebody may, but showed the password too long ago.
    #[error(
        "This needs your password again: call confirmPassword, then repeat this with the access token that it gives"
    )]
    NotConfirmed,
}

fn list(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.slug()).collect::<Vec<_>>().join(", ")
}

impl<R: Error + 'static> Failure<R> {
    /// The same failure, of a command with another kind of refusal.
    pub fn map<S: Error + 'static>(self, rejected: impl FnOnce(R) -> S) -> Failure<S> {
        match self {
            Self::Rejected(refusal) => Failure::Rejected(rejected(refusal)),
            Self::Unauthenticated => Failure::Unauthenticated,
            Self::Forbidden(missing) => Failure::Forbidden(missing),
            Self::RoleTooLow(role) => Failure::RoleTooLow(role),
            Self::WrongPlatform { required, received } => Failure::WrongPlatform { required, received },
            Self::Conflict { current_version } => Failure::Conflict { current_version },
            Self::KeyReused => Failure::KeyReused,
            Self::KeyMalformed => Failure::KeyMalformed,
            Self::NotThereYet => Failure::NotThereYet,
            Self::Unavailable(source) => Failure::Unavailable(source),
            Self::Internal(source) => Failure::Internal(source),
            Self::RateLimited(wait) => Failure::RateLimited(wait),
            Self::NotInPerson => Failure::NotInPerson,
            Self::NotConfirmed => Failure::NotConfirmed,
        }
    }
}

impl<R: Refusal> Failure<R> {
    /// The code on the wire.
    pub fn code(&self) -> Code {
        match self {
            Self::Rejected(refusal) => refusal.code(),
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden(_)
            | Self::RoleTooLow(_)
            | Self::WrongPlatform { .. }
            | Self::NotInPerson
            | Self::NotConfirmed => Code::Forbidden,
            Self::Conflict { .. } | Self::KeyReused => Code::Conflict,
            Self::KeyMalformed => Code::ValidationFailed,
            Self::NotThereYet | Self::Unavailable(_) => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
            Self::RateLimited(_) => Code::RateLimited,
        }
    }
}

impl Failure<Never> {
    /// The failure of something that cannot refuse, where something that can is called.
    pub fn widen<S: Error + 'static>(self) -> Failure<S> {
        self.map(|never| match never {})
    }
}

/// A failure as surfaces show it: the cause is kept for the log.
#[derive(Debug)]
pub struct Problem {
    /// The code on the wire.
    pub code: Code,
    /// What to tell the client.
    pub message: String,
    /// The input field it speaks of.
    pub field: Option<&'static str>,
    /// With `CONFLICT`: the version it has now.
    pub current_version: Option<i64>,
    /// For the log only.
    pub cause: Option<BoxError>,
    /// With `RATE_LIMITED`: when to ask again.
    pub retry_after: Option<Duration>,
    /// With `FORBIDDEN`: the same would be allowed once the password was shown again.
    pub reauthenticate: bool,
}

impl Problem {
    /// A problem with nothing to log.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            current_version: None,
            cause: None,
            retry_after: None,
            reauthenticate: false,
        }
    }

    /// The problem with the input field it speaks of.
    pub fn of_field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }
}

impl From<Wait> for Problem {
    fn from(wait: Wait) -> Self {
        Self { retry_after: Some(wait.0), ..Self::new(Code::RateLimited, wait.to_string()) }
    }
}

impl<R: Refusal> From<R> for Problem {
    fn from(refusal: R) -> Self {
        let (field, retry_after) = (refusal.field(), refusal.retry_after());
        Self { field, retry_after, ..Self::new(refusal.code(), refusal.to_string()) }
    }
}

impl<R: Refusal> From<Failure<R>> for Problem {
    fn from(failure: Failure<R>) -> Self {
        let plain = Self::new(failure.code(), failure.to_string());
        match failure {
            Failure::Rejected(refusal) => refusal.into(),
            Failure::RateLimited(wait) => wait.into(),
            Failure::Conflict { current_version } => Self { current_version: Some(current_version), ..plain },
            Failure::KeyReused | Failure::KeyMalformed => plain.of_field("idempotencyKey"),
            Failure::Unavailable(cause) | Failure::Internal(cause) => Self { cause: Some(cause), ..plain },
            Failure::NotConfirmed => Self { reauthenticate: true, ..plain },
            Failure::Unauthenticated
            | Failure::Forbidden(_)
            | Failure::RoleTooLow(_)
            | Failure::WrongPlatform { .. }
            | Failure::NotInPerson
            | Failure::NotThereYet => plain,
        }
    }
}
