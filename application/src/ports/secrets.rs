//! Passwords, tokens and personal data: what must not be read by others.

use async_trait::async_trait;
use domain::{
    BlindIndex, OperatorId, Sealed, SessionId, TenantId, Timestamp, UserId, operator::OperatorRole,
    role::RoleRef,
};
use thiserror::Error;
use uuid::Uuid;

use crate::{BoxError, Caller, Failure};

/// Personal data, sealed with a key per person.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// Seals `clear`, which is `field` of `subject`; makes the subject's key when there is none.
    async fn seal(&self, subject: Uuid, field: &'static str, clear: &str) -> Result<Sealed, VaultError>;
    /// Opens it again; `None` when the subject was erased.
    async fn open(
        &self,
        subject: Uuid,
        field: &'static str,
        sealed: &Sealed,
    ) -> Result<Option<String>, VaultError>;
    /// Makes opening values of these subjects quick, where that takes fewer ways to its store at once
    /// than one by one.
    async fn prefetch(&self, subjects: &[Uuid]) -> Result<(), VaultError> {
        let _ = subjects;
        Ok(())
    }
    /// The keyed hash under which a value is looked up.
    async fn index(&self, scope: &'static str, clear: &str) -> Result<BlindIndex, VaultError>;
}

/// Why the vault did not answer.
#[derive(Debug, Error)]
pub enum VaultError {
    /// Its store is away.
    #[error("the vault is unavailable")]
    Unavailable(#[source] BoxError),
    /// A sealed value does not open, or the store's key is another one.
    #[error("the vault cannot open this value: {0}")]
    Broken(String),
}

/// Password hashes, made and checked off the async threads, a bounded number at a time.
#[async_trait]
pub trait Passwords: Send + Sync + 'static {
    /// The hash of a password.
    async fn hash(&self, clear: String) -> Result<String, HashError>;
    /// Whether a password belongs to a hash. Without a hash it takes as long, and is `false`.
    async fn verify(&self, clear: String, hash: Option<String>) -> Result<bool, HashError>;
}

/// Why there is no hash, and no answer.
#[derive(Debug, Error)]
pub enum HashError {
    /// Hashing failed.
    #[error("password hashing failed: {0}")]
    Failed(String),
    /// Too many wait for it already.
    #[error("too many passwords wait to be hashed")]
    Busy,
}

impl<R: std::error::Error + 'static> From<HashError> for Failure<R> {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Failed(_) => Self::Internal(error.into()),
            HashError::Busy => Self::Unavailable(error.into()),
        }
    }
}

/// Whom an access token speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSubject {
    /// A person of the user surface.
    User {
        /// The user.
        user: UserId,
        /// The tenant.
        tenant: TenantId,
        /// The roles.
        roles: Vec<RoleRef>,
    },
    /// An operator of the portal.
    Operator {
        /// The operator.
        operator: OperatorId,
        /// The role.
        role: OperatorRole,
    },
}

/// The session that an access token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenSession {
    /// Which.
    pub id: SessionId,
    /// When the password was shown last: a later token of the same session says a later moment only
    /// when it was shown again.
    pub confirmed_at: Timestamp,
}

/// Signed access tokens.
#[async_trait]
pub trait AccessTokens: Send + Sync + 'static {
    /// A token for `subject` in `session`. To sign takes milliseconds of a processor, off the async
    /// threads.
    async fn issue(
        &self,
        subject: &TokenSubject,
        session: TokenSession,
        id: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError>;
    /// Who shows a token. Only what this process's own keys signed, for its own surface.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, TokenError>;
}

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Wrong key, algorithm, issuer, audience, time or form; the text is for the log.
    #[error("invalid token: {0}")]
    Invalid(String),
    /// Signed by the right key, for the other surface.
    #[error("a token of the other surface")]
    WrongPlatform {
        /// The surface it names.
        received: &'static str,
    },
    /// Signing failed.
    #[error("signing failed: {0}")]
    Signing(String),
}
