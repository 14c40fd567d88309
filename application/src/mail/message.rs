//! A mail on its way out.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Timestamp;
use thiserror::Error;

use super::Letter;

/// Names one mail, the same in every try: what stands before the `@` of its `Message-ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// The bytes of the hash that are kept: too many for two causes to meet.
    const BYTES: usize = 16;

    /// The id of the mail that the job of this key sends. The key itself names people's ids, which
    /// are nobody else's business.
    pub fn of_job(key: &str) -> Self {
        let hash = digest(&SHA256, key.as_bytes());
        let kept = hash.as_ref().get(..Self::BYTES).unwrap_or_default();
        Self(URL_SAFE_NO_PAD.encode(kept))
    }

    /// Letters, digits, `-` and `_`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A mail as it is to leave. What it says is nobody else's business: `Debug` shows its id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same in every try.
    pub id: MessageId,
    /// To which address.
    pub to: String,
    /// To whom.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// For readers of text.
    pub text: String,
    /// For everybody else.
    pub html: String,
    /// The links in it.
    pub links: Vec<String>,
    /// When it was written.
    pub at: Timestamp,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An address that would break out of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the address holds characters that no address holds")]
pub struct Unaddressable;

impl Mail {
    /// `letter` to `name` at `to`. Control characters in the name become spaces: it stands in a
    /// header, where a line break would begin another one. In an address they are refused.
    pub fn new(
        id: MessageId,
        to: &str,
        name: &str,
        letter: &Letter,
        at: Timestamp,
    ) -> Result<Self, Unaddressable> {
        if to.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';')) {
            return Err(Unaddressable);
        }
        Ok(Self {
            id,
            to: to.to_owned(),
            name: one_line(name),
            subject: one_line(&letter.subject),
            text: letter.text(),
            html: letter.html(),
            links: letter.links(),
            at,
        })
    }
}

fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

/// Why a mail did not leave. The texts hold no addresses: they are logged and shown to operators.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailError {
    /// Not now: the server is away, slow, or asks to come back later.
    #[error("{0}")]
    Later(String),
    /// Not ever: the server refused it.
    #[error("{0}")]
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Part;

    fn letter() -> Letter {
        Letter {
            subject: "Hello\r\nBcc: thief@evil.test".to_owned(),
            name: "Ann".to_owned(),
            parts: vec![Part::Text("read this".to_owned())],
        }
    }

    #[test]
    fn a_line_break_in_a_name_or_a_subject_begins_no_header() {
        let id = MessageId::of_job("k");
        let mail = Mail::new(
            id,
            "ann@people.test",
            "Ann\r\nBcc: thief@evil.test\u{b}",
            &letter(),
            Timestamp::MIN_UTC,
        );
        let mail = mail.expect("the address is good");
        assert_eq!(mail.name, "Ann  Bcc: thief@evil.test");
        assert_eq!(mail.subject, "Hello  Bcc: thief@evil.test");
    }

    #[test]
    fn an_address_that_breaks_out_of_its_header_is_refused() {
        for bad in
            ["a@b.test\r\nBcc: thief@evil.test", "a@b.test,thief@evil.test", "<a@b.test>", "a b@c.test"]
        {
            let refused = Mail::new(MessageId::of_job("k"), bad, "Ann", &letter(), Timestamp::MIN_UTC);
            assert_eq!(refused, Err(Unaddressable), "{bad}");
        }
    }

    #[test]
    fn an_id_is_the_same_for_the_same_job_and_tells_nothing() {
        let key = "email:send-password-reset:0192/0193:7";
        assert_eq!(MessageId::of_job(key), MessageId::of_job(key));
        assert_ne!(MessageId::of_job(key), MessageId::of_job("email:send-password-reset:0192/0193:8"));
        let id = MessageId::of_job(key);
        assert!(id.as_str().len() == 22 && !id.as_str().contains("0192"), "{id:?}");
    }

    #[test]
    fn what_a_mail_says_is_not_shown() {
        let mail = Mail::new(MessageId::of_job("k"), "ann@people.test", "Ann", &letter(), Timestamp::MIN_UTC);
        let shown = format!("{:?}", mail.expect("the address is good"));
        for secret in ["ann@people.test", "Ann", "read this"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
