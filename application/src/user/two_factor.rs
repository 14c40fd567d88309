//! The second factor of a user: set up, removed, and shown after the password.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Sealed, SessionId, StreamId, TenantId, Timestamp,
    two_factor::{TwoFactorCommand, TwoFactorError},
    user::{Account, Session, User, UserCommand, UserError},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Entry, SessionTokens,
    commands::{itself, sealed},
};
use crate::{
    Access, App, Caller, Command, Committed, Failure, Handle, Order, Outcome, Terms,
    order::idempotency,
    ports::{Entropy, ReadModel, hash_token},
    two_factor::{TwoFactorBound, TwoFactorSecret, recovery_codes},
};

/// What devices call us.
const ISSUER: &str = "Enterprise Todo";
/// Tenant, user and 32 random bytes.
const TOKEN_BYTES: usize = 64;

/// Gives out a secret to set a device up with.
#[derive(Debug, Clone, Serialize)]
pub struct GenerateTwoFactor;

/// Asks for the device at each sign-in from now on.
#[derive(Clone, Serialize)]
pub struct BindTwoFactor {
    /// What the device shows.
    #[serde(skip)]
    pub code: String,
}

/// The password alone is enough again.
#[derive(Clone, Serialize)]
pub struct UnbindTwoFactor {
    /// What the device shows, or a recovery code.
    #[serde(skip)]
    pub code: String,
}

/// Shows the second factor after the password.
#[derive(Clone, Serialize)]
pub struct VerifyTwoFactor {
    /// What signing in gave.
    #[serde(skip)]
    pub token: String,
    /// What the device shows, or a recovery code.
    #[serde(skip)]
    pub code: String,
    /// The network that the request comes from, where that is known.
    #[serde(skip)]
    pub network: Option<String>,
}

macro_rules! two_factor_command {
    ($command:ident -> $output:ty, $name:literal, $access:expr) => {
        impl Command for $command {
            type Output = $output;
            type Rejection = UserError;
            const NAME: &'static str = $name;
            const ACCESS: Access = $access;
            const SHOWN_IN: &'static [ReadModel] = &[];
        }
    };
}
// A device that somebody else sets up at an open session would lock its owner out.
const OWN: Access = Access::InPersonConfirmed(&[]);
two_factor_command!(GenerateTwoFactor -> TwoFactorSecret, "user.generate_two_factor", OWN);
two_factor_command!(BindTwoFactor -> TwoFactorBound, "user.bind_two_factor", OWN);
two_factor_command!(UnbindTwoFactor -> Committed<User>, "user.unbind_two_factor", OWN);
two_factor_command!(VerifyTwoFactor -> SessionTokens, "user.verify_two_factor", Access::Public);

impl Handle<GenerateTwoFactor> for App {
    async fn handle(
        &self,
        caller: &Caller,
        generate: GenerateTwoFactor,
        terms: Terms,
    ) -> Outcome<GenerateTwoFactor> {
        let member = caller.signed_in()?;
        let (subject, name) = (member.user.0, GenerateTwoFactor::NAME);
        let secret = self.fresh_secret(subject).await.map_err(sealed)?;
        let stream = StreamId::within(member.tenant, subject);
        let intent = UserCommand::TwoFactor(TwoFactorCommand::Generate { secret });
        let key = idempotency(caller, name, &generate, &terms);
        let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
        let done = self.users.execute(order).await?;
        // Read back, so that a repeated key shows the secret it led to, while that is not in use.
        let account = done.state.account().ok_or(Failure::Rejected(UserError::NotFound))?;
        if account.two_factor.is_bound() {
            return Err(rejected(TwoFactorError::AlreadyBound));
        }
        let stored = account.two_factor.secret().ok_or(rejected(TwoFactorError::NotGenerated))?;
        let email = self.vault.open(subject, "email", &account.email).await.map_err(sealed)?;
        let email = email.ok_or(Failure::Rejected(UserError::NotFound))?;
        let shown = self.shown_secret(subject, stored, ISSUER, &email).await.map_err(sealed)?;
        let (secret, otpauth_url) = shown.ok_or(Failure::Rejected(UserError::NotFound))?;
        let Committed { version, cursor, visibility, .. } = done;
        Ok(TwoFactorSecret { secret, otpauth_url, version, cursor, visibility })
    }
}

// A code's outcome is not kept under an idempotency key: a wrong one would be answered as if it
// had been right.
impl Handle<BindTwoFactor> for App {
    async fn handle(&self, caller: &Caller, bind: BindTwoFactor, terms: Terms) -> Outcome<BindTwoFactor> {
        let (recovery_codes, recovery) = recovery_codes(self.entropy.as_ref());
        let intent = |attempt| TwoFactorCommand::Bind { attempt, recovery };
        let absent = TwoFactorError::NotGenerated;
        let done = self.with_code(caller, &bind.code, BindTwoFactor::NAME, &terms, absent, intent).await?;
        if !done.state.account().is_some_and(|account| account.two_factor.is_bound()) {
            return Err(rejected(TwoFactorError::CodeInvalid));
        }
        let Committed { version, cursor, visibility, .. } = done;
        Ok(TwoFactorBound { recovery_codes, version, cursor, visibility })
    }
}

impl Handle<UnbindTwoFactor> for App {
    async fn handle(
        &self,
        caller: &Caller,
        unbind: UnbindTwoFactor,
        terms: Terms,
    ) -> Outcome<UnbindTwoFactor> {
        let intent = |attempt| TwoFactorCommand::Unbind { attempt };
        let absent = TwoFactorError::NotBound;
        let done =
            self.with_code(caller, &unbind.code, UnbindTwoFactor::NAME, &terms, absent, intent).await?;
        if done.state.account().is_some_and(|account| account.two_factor.is_bound()) {
            return Err(rejected(TwoFactorError::CodeInvalid));
        }
        Ok(done)
    }
}

impl Handle<VerifyTwoFactor> for App {
    async fn handle(&self, caller: &Caller, verify: VerifyTwoFactor, _: Terms) -> Outcome<VerifyTwoFactor> {
        let invalid = || rejected(TwoFactorError::TokenInvalid);
        let stream = read_token(&verify.token).ok_or_else(invalid)?;
        let subject = stream.own().ok_or_else(invalid)?;
        let (_, user) = self.users.load(&stream).await?;
        let secret = user.account().and_then(|account| account.two_factor.secret()).ok_or_else(invalid)?;
        self.tenant_is_open(&stream).await?;
        let now = self.clock.now();
        let attempt = self.weigh_code(subject, secret, &verify.code, now).await.map_err(sealed)?;
        let session = SessionId(self.entropy.id());
        let (refresh, mut opened) = self.open_session(&stream, session, now)?;
        opened.place = self.place(&stream, verify.network).await?;
        let token = hash_token(&verify.token);
        let intent = UserCommand::TwoFactor(TwoFactorCommand::Pass { token, attempt, session: opened });
        let (terms, name) = (Terms::default(), VerifyTwoFactor::NAME);
        let caller = &itself(caller, &stream, now);
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at: now };
        let done = self.users.execute(order).await?;
        let opened = |account: &Account| account.sessions.iter().any(|open| open.id == session);
        if !done.state.account().is_some_and(opened) {
            return Err(rejected(TwoFactorError::PassRefused));
        }
        self.session_tokens(&done.stream, &done.state, session, refresh, now).await
    }
}

impl App {
    /// The password was right, and a second factor is bound: a token to show it with.
    pub(super) async fn challenge_user(
        &self,
        caller: &Caller,
        stream: StreamId,
        checked: &Sealed,
        name: &'static str,
        at: Timestamp,
    ) -> Result<Entry, Failure<UserError>> {
        let token = write_token(&stream, self.entropy.as_ref())
            .ok_or(Failure::Rejected(UserError::InvalidCredentials))?;
        let command = TwoFactorCommand::Challenge { token: hash_token(&token) };
        let (intent, terms) = (UserCommand::TwoFactor(command), Terms::default());
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at };
        let done = self.users.execute(order).await?;
        // The password was changed while it was checked. A token that nobody is given opens nothing.
        if done.state.account().is_none_or(|account| account.password != *checked) {
            return Err(Failure::Rejected(UserError::InvalidCredentials));
        }
        Ok(Entry::Challenged { token })
    }

    async fn with_code(
        &self,
        caller: &Caller,
        code: &str,
        name: &'static str,
        terms: &Terms,
        absent: TwoFactorError,
        intent: impl FnOnce(domain::two_factor::Attempt) -> TwoFactorCommand<Session>,
    ) -> Result<Committed<User>, Failure<UserError>> {
        let member = caller.signed_in()?;
        let stream = StreamId::within(member.tenant, member.user.0);
        let (_, user) = self.users.load(&stream).await?;
        let secret: Option<&Sealed> = user.account().and_then(|account| account.two_factor.secret());
        let at = self.clock.now();
        let secret = secret.ok_or(rejected(absent))?;
        let attempt = self.weigh_code(member.user.0, secret, code, at).await.map_err(sealed)?;
        let intent = UserCommand::TwoFactor(intent(attempt));
        self.users.execute(Order { stream, intent, caller, name, terms, key: None, at }).await
    }
}

fn rejected(error: TwoFactorError) -> Failure<UserError> {
    Failure::Rejected(UserError::TwoFactor(error))
}

/// A two-factor token names its stream. It is no signed token, so that no verifier of access tokens
/// could ever take it for one.
fn write_token(stream: &StreamId, entropy: &dyn Entropy) -> Option<String> {
    let mut bytes = Vec::with_capacity(TOKEN_BYTES);
    bytes.extend_from_slice(stream.tenant()?.0.as_bytes());
    bytes.extend_from_slice(stream.own()?.as_bytes());
    bytes.extend_from_slice(&entropy.secret());
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn read_token(clear: &str) -> Option<StreamId> {
    let bytes = URL_SAFE_NO_PAD.decode(clear).ok().filter(|bytes| bytes.len() == TOKEN_BYTES)?;
    let id = |from: usize| Uuid::from_slice(bytes.get(from..from + 16)?).ok();
    Some(StreamId::within(TenantId(id(0)?), id(16)?))
}
