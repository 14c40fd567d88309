//! Mail: what is sent, and in development what was sent.

use async_trait::async_trait;
use domain::Timestamp;

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

/// The mail that asks to verify an e-mail address.
pub fn verification(to: &str, fullname: &str, web_url: &str, token: &str, sent_at: Timestamp) -> SentMail {
    let link = format!("{}/verify-email?token={token}", web_url.trim_end_matches('/'));
    let text = format!(
        "Hello {fullname},\n\nplease confirm that this is your e-mail address:\n\n{link}\n\n\
         The link works once, for 24 hours. If you did not register, ignore this mail.\n"
    );
    SentMail {
        to: to.to_owned(),
        subject: "Please verify your email address".to_owned(),
        text,
        links: vec![link],
        sent_at,
    }
}
