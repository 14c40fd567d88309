//! What a mail about a user says: opened from the cause when it is sent, never before.

use std::time::Duration;

use domain::{
    Sealed, StreamId, Timestamp,
    user::{Revocation, UserEvent},
};
use uuid::Uuid;

use crate::{
    jobs::{JobFailure, Jobs},
    mail::{self, Letter, Notice, Recipient},
};

/// News about one's safety that is older than this is not sent any more.
pub const NOTICE_AGE_MAX: Duration = Duration::from_hours(48);

/// A letter and whom it goes to.
pub(crate) struct Addressed {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) letter: Letter,
}

/// A link that was mailed.
struct Link<'a> {
    field: &'static str,
    token: &'a Sealed,
    from: Timestamp,
    until: Timestamp,
}

impl Jobs {
    /// The letter about `event` of this user; `None` when there is nothing to say any more.
    pub(crate) async fn letter(
        &self,
        stream: &StreamId,
        event: &UserEvent,
    ) -> Result<Option<Addressed>, JobFailure> {
        let user = stream.own().ok_or_else(|| JobFailure::Never("the stream is not a user's".into()))?;
        match event {
            UserEvent::Registered {
                fullname,
                email,
                verification_token,
                verification_expires_at,
                at,
                ..
            } => {
                let link = Link {
                    field: "verification",
                    token: verification_token,
                    from: *at,
                    until: *verification_expires_at,
                };
                self.with_link(user, (fullname, email), &link, mail::verification).await
            }
            UserEvent::SessionRevoked { reason: Revocation::TokenReused, at, .. } => {
                self.about(user, stream, Notice::SessionCopied, *at).await
            }
            UserEvent::TwoFactorBound(bound) => {
                self.about(user, stream, Notice::SecondFactorBound, bound.at).await
            }
            UserEvent::TwoFactorUnbound(unbound) => {
                self.about(user, stream, Notice::SecondFactorUnbound, unbound.at).await
            }
            _ => Err(JobFailure::Never("there is no mail about such an event".into())),
        }
    }

    async fn with_link(
        &self,
        user: Uuid,
        (fullname, email): (&Sealed, &Sealed),
        link: &Link<'_>,
        write: fn(Recipient<'_>, &str, Duration) -> Letter,
    ) -> Result<Option<Addressed>, JobFailure> {
        if link.until <= self.clock.now() {
            return Ok(None);
        }
        let token = self.vault.open(user, link.field, link.token).await?;
        let (Some((name, email)), Some(token)) = (self.person(user, fullname, email).await?, token) else {
            return Ok(None);
        };
        let lifetime = (link.until - link.from).to_std().unwrap_or_default();
        let letter = write(Recipient { name: &name, web_url: &self.web_url }, &token, lifetime);
        Ok(Some(Addressed { email, name, letter }))
    }

    async fn about(
        &self,
        user: Uuid,
        stream: &StreamId,
        notice: Notice,
        at: Timestamp,
    ) -> Result<Option<Addressed>, JobFailure> {
        let age = (self.clock.now() - at).to_std().unwrap_or_default();
        if age > NOTICE_AGE_MAX {
            return Ok(None);
        }
        let (_, state) =
            self.users.load_cached(stream).await.map_err(|failure| JobFailure::Again(failure.into()))?;
        let Some(account) = state.account() else { return Ok(None) };
        let Some((name, email)) = self.person(user, &account.fullname, &account.email).await? else {
            return Ok(None);
        };
        let letter = mail::notice(Recipient { name: &name, web_url: &self.web_url }, notice);
        Ok(Some(Addressed { email, name, letter }))
    }

    /// Name and address; `None` once the person was erased.
    async fn person(
        &self,
        user: Uuid,
        fullname: &Sealed,
        email: &Sealed,
    ) -> Result<Option<(String, String)>, JobFailure> {
        let name = self.vault.open(user, "fullname", fullname).await?;
        let email = self.vault.open(user, "email", email).await?;
        Ok(name.zip(email))
    }
}
