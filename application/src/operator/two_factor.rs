//! The second factor of an operator: set up, removed, and shown after the password.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    OperatorId, Sealed, StreamId, Timestamp,
    operator::{Badge, Operator, OperatorCommand, OperatorError, OperatorRole, PortalSession},
    two_factor::{Attempt, TwoFactorCommand, TwoFactorError},
};
use serde::Serialize;
use uuid::Uuid;

use super::{PortalEntry, PortalToken};
use crate::{
    Access, App, Caller, Command, Committed, Failure, Handle, Order, Outcome, Terms,
    order::idempotency,
    ports::{Entropy, ReadModel, hash_token},
    two_factor::{TwoFactorBound, TwoFactorSecret, recovery_codes},
    user::sealed,
};

/// What devices call us.
const ISSUER: &str = "Enterprise Todo Portal";
/// Operator and 32 random bytes.
const TOKEN_BYTES: usize = 48;

/// Gives out a secret to set a device up with.
#[derive(Debug, Clone, Serialize)]
pub struct GeneratePortalTwoFactor;

/// Asks for the device at each sign-in from now on.
#[derive(Clone, Serialize)]
pub struct BindPortalTwoFactor {
    /// What the device shows.
    #[serde(skip)]
    pub code: String,
}

/// The password alone is enough again.
#[derive(Clone, Serialize)]
pub struct UnbindPortalTwoFactor {
    /// What the device shows, or a recovery code.
    #[serde(skip)]
    pub code: String,
}

/// Shows the second factor after the password.
#[derive(Clone, Serialize)]
pub struct VerifyPortalTwoFactor {
    /// What signing in gave.
    #[serde(skip)]
    pub token: String,
    /// What the device shows, or a recovery code.
    #[serde(skip)]
    pub code: String,
}

macro_rules! two_factor_command {
    ($command:ident -> $output:ty, $name:literal, $access:expr, $shown:expr) => {
        impl Command for $command {
            type Output = $output;
            type Rejection = OperatorError;
            const NAME: &'static str = $name;
            const ACCESS: Access = $access;
            const SHOWN_IN: &'static [ReadModel] = $shown;
        }
    };
}
// A device that somebody else sets up at an open session would lock its owner out.
const OWN: Access = Access::OperatorConfirmed(OperatorRole::Support);
const SHOWN: &[ReadModel] = &[ReadModel::OperatorList];
two_factor_command!(GeneratePortalTwoFactor -> TwoFactorSecret, "operator.generate_two_factor", OWN, &[]);
two_factor_command!(BindPortalTwoFactor -> TwoFactorBound, "operator.bind_two_factor", OWN, SHOWN);
two_factor_command!(UnbindPortalTwoFactor -> Committed<Operator>, "operator.unbind_two_factor", OWN, SHOWN);
two_factor_command!(VerifyPortalTwoFactor -> PortalToken, "operator.verify_two_factor", Access::Public, &[]);

impl Handle<GeneratePortalTwoFactor> for App {
    async fn handle(
        &self,
        caller: &Caller,
        generate: GeneratePortalTwoFactor,
        terms: Terms,
    ) -> Outcome<GeneratePortalTwoFactor> {
        let (subject, name) = (caller.operator_id()?.0, GeneratePortalTwoFactor::NAME);
        let secret = self.fresh_secret(subject).await.map_err(sealed)?;
        let intent = OperatorCommand::TwoFactor(TwoFactorCommand::Generate { secret });
        let (stream, key) = (StreamId::global(subject), idempotency(caller, name, &generate, &terms));
        let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
        let done = self.operators.execute(order).await?;
        // Read back, so that a repeated key shows the secret it led to, while that is not in use.
        let badge = done.state.badge().ok_or(Failure::Rejected(OperatorError::NotFound))?;
        if badge.two_factor.is_bound() {
            return Err(rejected(TwoFactorError::AlreadyBound));
        }
        let stored = badge.two_factor.secret().ok_or(rejected(TwoFactorError::NotGenerated))?;
        let email = self.vault.open(subject, "email", &badge.email).await.map_err(sealed)?;
        let email = email.ok_or(Failure::Rejected(OperatorError::NotFound))?;
        let shown = self.shown_secret(subject, stored, ISSUER, &email).await.map_err(sealed)?;
        let (secret, otpauth_url) = shown.ok_or(Failure::Rejected(OperatorError::NotFound))?;
        let Committed { version, cursor, visibility, .. } = done;
        Ok(TwoFactorSecret { secret, otpauth_url, version, cursor, visibility })
    }
}

impl Handle<BindPortalTwoFactor> for App {
    async fn handle(
        &self,
        caller: &Caller,
        bind: BindPortalTwoFactor,
        terms: Terms,
    ) -> Outcome<BindPortalTwoFactor> {
        let (recovery_codes, recovery) = recovery_codes(self.entropy.as_ref());
        let intent = |attempt| TwoFactorCommand::Bind { attempt, recovery };
        let (name, absent) = (BindPortalTwoFactor::NAME, TwoFactorError::NotGenerated);
        let done = self.with_portal_code(caller, &bind.code, name, &terms, absent, intent).await?;
        if !is_bound(&done) {
            return Err(rejected(TwoFactorError::CodeInvalid));
        }
        let Committed { version, cursor, visibility, .. } = done;
        Ok(TwoFactorBound { recovery_codes, version, cursor, visibility })
    }
}

impl Handle<UnbindPortalTwoFactor> for App {
    async fn handle(
        &self,
        caller: &Caller,
        unbind: UnbindPortalTwoFactor,
        terms: Terms,
    ) -> Outcome<UnbindPortalTwoFactor> {
        let intent = |attempt| TwoFactorCommand::Unbind { attempt };
        let (name, absent) = (UnbindPortalTwoFactor::NAME, TwoFactorError::NotBound);
        let done = self.with_portal_code(caller, &unbind.code, name, &terms, absent, intent).await?;
        if is_bound(&done) { Err(rejected(TwoFactorError::CodeInvalid)) } else { Ok(done) }
    }
}

impl Handle<VerifyPortalTwoFactor> for App {
    async fn handle(
        &self,
        caller: &Caller,
        verify: VerifyPortalTwoFactor,
        _: Terms,
    ) -> Outcome<VerifyPortalTwoFactor> {
        let invalid = || rejected(TwoFactorError::TokenInvalid);
        let id = read_token(&verify.token).ok_or_else(invalid)?;
        let stream = StreamId::global(id.0);
        let (_, operator) = self.operators.load(&stream).await?;
        let badge = operator.badge().ok_or_else(invalid)?;
        let secret = badge.two_factor.secret().ok_or_else(invalid)?;
        let now = self.clock.now();
        let attempt = self.weigh_code(id.0, secret, &verify.code, now).await.map_err(sealed)?;
        let session = self.portal_session(now)?;
        let token = hash_token(&verify.token);
        let intent = OperatorCommand::TwoFactor(TwoFactorCommand::Pass { token, attempt, session });
        let (terms, name) = (Terms::default(), VerifyPortalTwoFactor::NAME);
        let itself = Caller::operator(id, session.id, badge.role, now);
        let caller = &itself.in_request(caller.correlation.clone());
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at: now };
        let done = self.operators.execute(order).await?;
        if !done.state.badge().is_some_and(|badge| badge.sessions(now).any(|open| open == session.id)) {
            return Err(rejected(TwoFactorError::PassRefused));
        }
        self.portal_token(&done, session, now).await
    }
}

impl App {
    /// The password was right, and a second factor is bound: a token to show it with.
    pub(super) async fn challenge_operator(
        &self,
        caller: &Caller,
        stream: StreamId,
        checked: &Sealed,
        name: &'static str,
        at: Timestamp,
    ) -> Result<PortalEntry, Failure<OperatorError>> {
        let id = stream.own().ok_or(Failure::Rejected(OperatorError::InvalidCredentials))?;
        let token = write_token(OperatorId(id), self.entropy.as_ref());
        let command = TwoFactorCommand::Challenge { token: hash_token(&token) };
        let (intent, terms) = (OperatorCommand::TwoFactor(command), Terms::default());
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at };
        let done = self.operators.execute(order).await?;
        // The password was changed while it was checked. A token that nobody is given opens nothing.
        if done.state.badge().is_none_or(|badge| badge.password != *checked) {
            return Err(Failure::Rejected(OperatorError::InvalidCredentials));
        }
        Ok(PortalEntry::Challenged { token })
    }

    async fn with_portal_code(
        &self,
        caller: &Caller,
        code: &str,
        name: &'static str,
        terms: &Terms,
        absent: TwoFactorError,
        intent: impl FnOnce(Attempt) -> TwoFactorCommand<PortalSession>,
    ) -> Result<Committed<Operator>, Failure<OperatorError>> {
        let id = caller.operator_id()?.0;
        let stream = StreamId::global(id);
        let (_, operator) = self.operators.load(&stream).await?;
        let secret = operator.badge().and_then(|badge: &Badge| badge.two_factor.secret());
        let at = self.clock.now();
        let secret = secret.ok_or(rejected(absent))?;
        let attempt = self.weigh_code(id, secret, code, at).await.map_err(sealed)?;
        let intent = OperatorCommand::TwoFactor(intent(attempt));
        self.operators.execute(Order { stream, intent, caller, name, terms, key: None, at }).await
    }
}

fn is_bound(done: &Committed<Operator>) -> bool {
    done.state.badge().is_some_and(|badge| badge.two_factor.is_bound())
}

fn rejected(error: TwoFactorError) -> Failure<OperatorError> {
    Failure::Rejected(OperatorError::TwoFactor(error))
}

fn write_token(id: OperatorId, entropy: &dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode([id.0.as_bytes().as_slice(), &entropy.secret()].concat())
}

fn read_token(clear: &str) -> Option<OperatorId> {
    let bytes = URL_SAFE_NO_PAD.decode(clear).ok().filter(|bytes| bytes.len() == TOKEN_BYTES)?;
    Uuid::from_slice(bytes.get(..16)?).ok().map(OperatorId)
}
