//! Mail: what is written, what sends it, and in development what was sent.

mod deliver;
mod letter;
mod letters;
mod message;

use async_trait::async_trait;
use domain::Timestamp;
pub use letter::{Letter, Part};
pub use letters::{Notice, Recipient};
pub use letters::{invitation, notice, password_reset, verification};
pub use message::{Mail, MailError, MessageId, Unaddressable};

use crate::BoxError;

/// A mail as it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMail {
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The links in it.
    pub links: Vec<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// The mails of a development system, to be read back.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// The newest `limit` mails, to everybody or to one address.
    async fn sent(&self, to: Option<&str>, limit: usize) -> Result<Vec<SentMail>, BoxError>;
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Sends one. Two with the same id are the same mail.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// Which mails left: a job that runs again does not send again.
#[async_trait]
pub trait SentLog: Send + Sync + 'static {
    /// Whether this one did.
    async fn left(&self, id: &MessageId) -> Result<bool, BoxError>;
    /// It did.
    async fn record(&self, id: &MessageId) -> Result<(), BoxError>;
}
