//! Mails that anybody may ask for, and what the tokens in them do.
//!
//! Whoever asks always hears `true`, and always as soon: whether the address is known is found
//! out in a task that the answer does not wait for.

use domain::{
    Claim, StreamId,
    user::{self, Password, RESET, SecuredToken, User, UserCommand, UserError},
};
use serde::Serialize;
use tracing::Instrument;
use uuid::Uuid;

use super::commands::{itself, seal, sealed, until, user_command};
use crate::{
    Access, Answer, Answered, App, Caller, Command, Committed, Failure, Handle, Never, Order, Outcome,
    Problem, Query, Terms,
    aggregates::broken,
    bus::Done,
    order::idempotency_of,
    ports::{Cursor, ReadModel, Visibility, fresh_token, hash_token},
};

/// The longest address that is looked up, in bytes.
const ADDRESS_BYTES_MAX: usize = user::EMAIL_BYTES_MAX;

/// Asks for another verification mail.
#[derive(Clone, Serialize)]
pub struct ResendVerification {
    /// Whose.
    #[serde(skip)]
    pub email: String,
}

/// Asks for a mail that lets its reader set a new password.
#[derive(Clone, Serialize)]
pub struct RequestPasswordReset {
    /// Whose.
    #[serde(skip)]
    pub email: String,
}

/// Sets a new password in place of a forgotten one.
#[derive(Clone, Serialize)]
pub struct ResetPassword {
    /// The token from the mail.
    #[serde(skip)]
    pub token: String,
    /// The new password.
    #[serde(skip)]
    pub password: Password,
}

/// Whether a token from a mail would let its reader set a new password.
#[derive(Clone)]
pub struct CheckResetToken {
    /// The token.
    pub token: String,
}

/// It was heard. What comes of it is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard;

impl Done for Heard {
    fn cursor(&self) -> Option<Cursor> {
        None
    }
    fn seen(&mut self, _: Visibility) {}
}

user_command!(ResendVerification -> Heard, "user.resend_verification", Access::Public, []);
user_command!(RequestPasswordReset -> Heard, "user.request_password_reset", Access::Public, []);
user_command!(ResetPassword -> Committed<User>, "user.reset_password", Access::Public, []);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Verification,
    Reset,
}

impl Handle<ResendVerification> for App {
    async fn handle(
        &self,
        caller: &Caller,
        resend: ResendVerification,
        terms: Terms,
    ) -> Outcome<ResendVerification> {
        self.mail_in_the_background(caller, Wanted::Verification, resend.email, terms);
        Ok(Heard)
    }
}

impl Handle<RequestPasswordReset> for App {
    async fn handle(
        &self,
        caller: &Caller,
        request: RequestPasswordReset,
        terms: Terms,
    ) -> Outcome<RequestPasswordReset> {
        self.mail_in_the_background(caller, Wanted::Reset, request.email, terms);
        Ok(Heard)
    }
}

impl Handle<ResetPassword> for App {
    async fn handle(&self, caller: &Caller, reset: ResetPassword, terms: Terms) -> Outcome<ResetPassword> {
        let token = hash_token(&reset.token);
        let key = idempotency_of(token.as_str(), ResetPassword::NAME, &token, &terms);
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.users.as_received(receipt).await;
        }
        let invalid = || Failure::Rejected(UserError::TokenInvalid);
        // Hashing is dear: nobody gets it for a token that is worth nothing.
        let stream = self.resettable(&reset.token).await?.ok_or_else(invalid)?;
        let hash = self.passwords.hash(reset.password.as_str().to_owned()).await?;
        let subject = stream.own().ok_or_else(invalid)?;
        let password = seal(self.vault.as_ref(), subject, "password", &hash).await?;
        let at = self.clock.now();
        let caller = &itself(caller, &stream, at);
        let intent = UserCommand::ResetPassword { token, password };
        let order = Order { stream, intent, caller, name: ResetPassword::NAME, terms: &terms, key, at };
        self.users.execute(order).await
    }
}

impl Query for CheckResetToken {
    type Answer = bool;
    const NAME: &'static str = "user.check_reset_token";
    const ACCESS: Access = Access::Public;
    const READS: &'static [ReadModel] = &[];
}

impl Answer<CheckResetToken> for App {
    async fn answer(&self, _: &Caller, check: CheckResetToken) -> Answered<CheckResetToken> {
        Ok(self.resettable(&check.token).await.map_err(never)?.is_some())
    }
}

impl App {
    /// The stream of the person whose password a token may set now.
    async fn resettable(&self, token: &str) -> Result<Option<StreamId>, Failure<UserError>> {
        let hash = hash_token(token);
        let holder = self.log.holder(&Claim::new(RESET, hash.as_str())).await.map_err(broken)?;
        let Some(stream) = holder else { return Ok(None) };
        let (_, state) = self.users.load(&stream).await?;
        let reset = state.account().and_then(|account| account.reset.as_ref());
        Ok(reset.is_some_and(|reset| reset.fits(&hash, self.clock.now())).then_some(stream))
    }

    /// Everything that differs between known and unknown happens behind the answer.
    fn mail_in_the_background(&self, caller: &Caller, wanted: Wanted, email: String, terms: Terms) {
        let (app, caller) = (self.clone(), caller.clone());
        let work = async move {
            if let Err(failure) = app.mail_a_token(&caller, wanted, &email, &terms).await {
                let Problem { message, cause, .. } = failure.into();
                let cause = cause.map(|cause| cause.to_string()).unwrap_or_default();
                tracing::error!(mail.wanted = ?wanted, error = message, cause, "a mail was not ordered");
            }
        };
        tokio::spawn(work.in_current_span());
    }

    async fn mail_a_token(
        &self,
        caller: &Caller,
        wanted: Wanted,
        email: &str,
        terms: &Terms,
    ) -> Result<(), Failure<UserError>> {
        let clear = email.trim().to_lowercase();
        if clear.is_empty() || clear.len() > ADDRESS_BYTES_MAX {
            return Ok(());
        }
        let index = self.vault.index(user::EMAIL, &clear).await.map_err(sealed)?;
        let holder = self.log.holder(&Claim::new(user::EMAIL, index.as_str())).await.map_err(broken)?;
        let Some(stream) = holder else { return Ok(()) };
        let subject = stream.own().unwrap_or(Uuid::nil());
        let at = self.clock.now();
        let token = fresh_token(self.entropy.as_ref());
        let (name, field, lifetime) = match wanted {
            Wanted::Verification => (ResendVerification::NAME, "verification", self.lifetimes.verification),
            Wanted::Reset => (RequestPasswordReset::NAME, "reset", self.lifetimes.reset),
        };
        let token = SecuredToken {
            hash: hash_token(&token),
            token: seal(self.vault.as_ref(), subject, field, &token).await?,
            expires_at: until(at, lifetime)?,
        };
        let intent = match wanted {
            Wanted::Verification => UserCommand::RequestVerification(token),
            Wanted::Reset => UserCommand::RequestReset(token),
        };
        let key = idempotency_of(index.as_str(), name, &(), terms);
        self.users.execute(Order { stream, intent, caller, name, terms, key, at }).await?;
        Ok(())
    }
}

/// A failure of loading, where nothing can be refused.
pub(super) fn never(failure: Failure<UserError>) -> Failure<Never> {
    match failure {
        Failure::Unavailable(cause) => Failure::Unavailable(cause),
        other => Failure::Internal(other.to_string().into()),
    }
}
