//! The mails a development system sent, to be read back by people and tests.

use std::sync::Arc;

use application::{
    Code,
    mail::{Outbox, SentMail},
};
use domain::Timestamp;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Query, payload::Json};

use crate::Problem;

/// How many mails are shown.
pub const OUTBOX_MAILS_MAX: usize = 100;
/// The longest address that is looked for, in characters: 64 before the `@`, 255 behind it.
pub const ADDRESS_CHARS_MAX: usize = 320;

/// The operation.
pub(crate) struct OutboxApi {
    pub(crate) outbox: Arc<dyn Outbox>,
}

#[OpenApi]
impl OutboxApi {
    /// The newest 100 mails that were sent, the newest first
    ///
    /// Only in development and test: in production nobody reads other people's mail.
    #[oai(path = "/dev/outbox", method = "get", operation_id = "outbox")]
    async fn sent(
        &self,
        /// To this address only.
        #[oai(validator(max_length = 320))]
        to: Query<Option<String>>,
    ) -> Sent {
        match self.outbox.sent(to.0.as_deref(), OUTBOX_MAILS_MAX).await {
            Ok(mails) => {
                let mails = mails.into_iter().take(OUTBOX_MAILS_MAX).map(Mail::from).collect();
                Sent::Mails(Json(mails), "no-store".to_owned())
            }
            Err(error) => {
                tracing::error!(%error, "the outbox does not answer");
                Sent::Unavailable(Json(Problem::new(Code::Unavailable, "the outbox does not answer")))
            }
        }
    }
}

#[derive(ApiResponse)]
enum Sent {
    /// The mails.
    #[oai(status = 200)]
    Mails(Json<Vec<Mail>>, #[oai(header = "Cache-Control")] String),
    /// The outbox does not answer.
    #[oai(status = 503, content_type = "application/problem+json")]
    Unavailable(Json<Problem>),
}

/// A mail as it left.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Mail {
    /// To whom.
    to: String,
    /// Its subject.
    subject: String,
    /// Its text.
    text: String,
    /// The links in it.
    links: Vec<String>,
    /// When it was sent.
    sent_at: Timestamp,
}

impl From<SentMail> for Mail {
    fn from(mail: SentMail) -> Self {
        let SentMail { to, subject, text, links, sent_at } = mail;
        Self { to, subject, text, links, sent_at }
    }
}
