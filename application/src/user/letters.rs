//! What a mail about a user says: opened from the cause when it is sent, never before.

use std::{sync::Arc, time::Duration};

use domain::{
    Sealed, StreamId, Timestamp,
    user::{Revocation, User, UserEvent},
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
    write: fn(Recipient<'_>, &str, Duration) -> Letter,
}

impl<'a> Link<'a> {
    fn of(event: &'a UserEvent) -> Option<Self> {
        let (field, token, from, until, write): (_, _, _, _, fn(Recipient<'_>, &str, Duration) -> Letter) =
            match event {
                UserEvent::Registered { verification_token, verification_expires_at, at, .. }
                | UserEvent::VerificationRequested {
                    verification_token, verification_expires_at, at, ..
                } => ("verification", verification_token, at, verification_expires_at, mail::verification),
                UserEvent::PasswordResetRequested { reset_token, expires_at, at, .. } => {
                    ("reset", reset_token, at, expires_at, mail::password_reset)
                }
                UserEvent::Invited { invitation_token, invitation_expires_at, at, .. } => {
                    ("invitation", invitation_token, at, invitation_expires_at, mail::invitation)
                }
                _ => return None,
            };
        Some(Self { field, token, from: *from, until: *until, write })
    }
}

pub(crate) fn unwritten() -> JobFailure {
    JobFailure::Never("there is no mail about such an event".into())
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
            UserEvent::Registered { fullname, email, .. } | UserEvent::Invited { fullname, email, .. } => {
                self.with_link(user, (fullname, email), event).await
            }
            // To whom the event does not say, but the user's stream does.
            UserEvent::VerificationRequested { .. } | UserEvent::PasswordResetRequested { .. } => {
                let state = self.state(stream).await?;
                let Some(account) = state.account() else { return Ok(None) };
                self.with_link(user, (&account.fullname, &account.email), event).await
            }
            UserEvent::PasswordChanged { at, .. } => {
                self.about(user, stream, Notice::PasswordChanged, *at).await
            }
            UserEvent::UsernameChanged { at, .. } => {
                self.about(user, stream, Notice::UsernameChanged, *at).await
            }
            UserEvent::SignedIn { strange: true, at, .. } => {
                self.about(user, stream, Notice::StrangePlace, *at).await
            }
            UserEvent::Suspended { at } => self.about(user, stream, Notice::Suspended, *at).await,
            UserEvent::SessionRevoked { reason: Revocation::TokenReused, at, .. } => {
                self.about(user, stream, Notice::SessionCopied, *at).await
            }
            UserEvent::TwoFactorBound(bound) => {
                self.about(user, stream, Notice::SecondFactorBound, bound.at).await
            }
            UserEvent::TwoFactorUnbound(unbound) => {
                self.about(user, stream, Notice::SecondFactorUnbound, unbound.at).await
            }
            UserEvent::TwoFactorReset(reset) => {
                self.about(user, stream, Notice::SecondFactorReset, reset.at).await
            }
            _ => Err(unwritten()),
        }
    }

    async fn with_link(
        &self,
        user: Uuid,
        (fullname, email): (&Sealed, &Sealed),
        event: &UserEvent,
    ) -> Result<Option<Addressed>, JobFailure> {
        let link = Link::of(event).ok_or_else(unwritten)?;
        if link.until <= self.clock.now() {
            return Ok(None);
        }
        let token = self.vault.open(user, link.field, link.token).await?;
        let (Some((name, email)), Some(token)) = (self.person(user, fullname, email).await?, token) else {
            return Ok(None);
        };
        let lifetime = (link.until - link.from).to_std().unwrap_or_default();
        let letter = (link.write)(Recipient { name: &name, web_url: &self.web_url }, &token, lifetime);
        Ok(Some(Addressed { email, name, letter }))
    }

    async fn state(&self, stream: &StreamId) -> Result<Arc<User>, JobFailure> {
        let loaded = self.users.load_cached(stream).await;
        let (_, state) = loaded.map_err(|failure| JobFailure::Again(failure.into()))?;
        Ok(state)
    }

    async fn about(
        &self,
        user: Uuid,
        stream: &StreamId,
        notice: Notice,
        at: Timestamp,
    ) -> Result<Option<Addressed>, JobFailure> {
        let state = self.state(stream).await?;
        let Some(account) = state.account() else { return Ok(None) };
        self.notice(user, (&account.fullname, &account.email), notice, at).await
    }

    /// Tells somebody about something that happened at `at`; `None` when that is old news.
    pub(crate) async fn notice(
        &self,
        subject: Uuid,
        (fullname, email): (&Sealed, &Sealed),
        notice: Notice,
        at: Timestamp,
    ) -> Result<Option<Addressed>, JobFailure> {
        let age = (self.clock.now() - at).to_std().unwrap_or_default();
        if age > NOTICE_AGE_MAX {
            return Ok(None);
        }
        let Some((name, email)) = self.person(subject, fullname, email).await? else {
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
