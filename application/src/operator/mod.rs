//! Operators: made on the command line, signed in on the portal.

use domain::{
    Claim, OperatorId, SessionId, StreamId, Timestamp,
    operator::{self, Operator, OperatorCommand, OperatorError, OperatorRole},
    user::{Email, Fullname, Password},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Access, Answer, Answered, App, Caller, Code, Command, Committed, Failure, Handle, Order, Outcome, Query,
    Refusal, Terms,
    aggregates::broken,
    bus::Done,
    ports::{Cursor, ReadModel, TokenSubject, Visibility},
    user::sealed,
};

/// Makes an operator.
#[derive(Debug, Clone, Serialize)]
pub struct CreateOperator {
    /// Full name.
    #[serde(skip)]
    pub fullname: Fullname,
    /// E-mail address.
    #[serde(skip)]
    pub email: Email,
    /// Password.
    #[serde(skip)]
    pub password: Password,
    /// What the operator may do.
    pub role: OperatorRole,
}

/// Signs an operator in.
#[derive(Clone, Serialize)]
pub struct PortalLogin {
    /// E-mail address.
    #[serde(skip)]
    pub email: String,
    /// Password.
    #[serde(skip)]
    pub password: String,
}

/// What a signed-in operator holds. `Debug` would show it, so there is none.
#[derive(Clone)]
pub struct PortalToken {
    /// The access token.
    pub access: String,
    /// Seconds until it expires.
    pub expires_in: i64,
}

impl Done for PortalToken {
    fn cursor(&self) -> Option<Cursor> {
        None
    }
    fn seen(&mut self, _: Visibility) {}
}

impl Command for CreateOperator {
    type Output = Committed<Operator>;
    type Rejection = OperatorError;
    const NAME: &'static str = "operator.create";
    const ACCESS: Access = Access::System;
    const SHOWN_IN: &'static [ReadModel] = &[];
}

impl Command for PortalLogin {
    type Output = PortalToken;
    type Rejection = OperatorError;
    const NAME: &'static str = "operator.login";
    const ACCESS: Access = Access::Public;
    const SHOWN_IN: &'static [ReadModel] = &[];
}

impl Handle<CreateOperator> for App {
    async fn handle(&self, caller: &Caller, create: CreateOperator, terms: Terms) -> Outcome<CreateOperator> {
        let id = self.entropy.id();
        let hash = self.passwords.hash(create.password.as_str().to_owned()).await;
        let hash = hash.map_err(|error| Failure::Internal(error.into()))?;
        let vault = &self.vault;
        let intent = OperatorCommand::Create {
            fullname: vault.seal(id, "fullname", create.fullname.as_str()).await.map_err(sealed)?,
            email: vault.seal(id, "email", create.email.as_str()).await.map_err(sealed)?,
            email_index: vault.index(operator::EMAIL, create.email.as_str()).await.map_err(sealed)?,
            password: vault.seal(id, "password", &hash).await.map_err(sealed)?,
            role: create.role,
        };
        let stream = StreamId::global(id);
        let at = self.clock.now();
        let order =
            Order { stream, intent, caller, name: CreateOperator::NAME, terms: &terms, key: None, at };
        self.operators.execute_fresh(order).await
    }
}

impl Handle<PortalLogin> for App {
    async fn handle(&self, caller: &Caller, login: PortalLogin, terms: Terms) -> Outcome<PortalLogin> {
        let attempt = self.attempt("portal-login", &login.email).await?;
        let index =
            self.vault.index(operator::EMAIL, &login.email.trim().to_lowercase()).await.map_err(sealed)?;
        let holder = self.log.holder(&Claim::new(operator::EMAIL, index.as_str())).await.map_err(broken)?;
        let mut hash = None;
        let mut found = None;
        if let Some(stream) = holder {
            let (_, state) = self.operators.load(&stream).await?;
            if let (Some(badge), Some(id)) = (state.badge(), stream.own()) {
                hash = self.vault.open(id, "password", &badge.password).await.map_err(sealed)?;
                found = Some((stream, id, badge.role));
            }
        }
        let right = self.passwords.verify(login.password, hash).await;
        let right = right.map_err(|error| Failure::Internal(error.into()))?;
        attempt.settle(right).await?;
        let Some((stream, id, role)) = found.filter(|_| right) else {
            return Err(Failure::Rejected(OperatorError::InvalidCredentials));
        };
        let now = self.clock.now();
        let lifetime = chrono::Duration::from_std(self.lifetimes.portal);
        let lifetime = lifetime.map_err(|error| Failure::Internal(error.into()))?;
        let session = SessionId(self.entropy.id());
        let intent = OperatorCommand::SignIn { session, expires_at: now + lifetime };
        let itself = Caller::operator(OperatorId(id), session, role, now);
        let caller = &itself.in_request(caller.correlation.clone());
        let order =
            Order { stream, intent, caller, name: PortalLogin::NAME, terms: &terms, key: None, at: now };
        self.operators.execute(order).await?;
        let subject = TokenSubject::Operator { operator: OperatorId(id), role };
        let access = self.tokens.issue(&subject, session, self.entropy.id(), now, now + lifetime);
        let access = access.map_err(|error| Failure::Internal(error.into()))?;
        Ok(PortalToken { access, expires_in: lifetime.num_seconds() })
    }
}

/// An operator as the portal shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRow {
    /// Which.
    pub id: OperatorId,
    /// Full name.
    pub fullname: String,
    /// E-mail address.
    pub email: String,
    /// What the operator may do.
    pub role: OperatorRole,
    /// Since when.
    pub created_at: Timestamp,
}

/// The operator who asks.
#[derive(Debug, Clone)]
pub struct PortalMe;

impl Query for PortalMe {
    type Answer = Option<OperatorRow>;
    const NAME: &'static str = "operator.me";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
}

impl Answer<PortalMe> for App {
    async fn answer(&self, caller: &Caller, PortalMe: PortalMe) -> Answered<PortalMe> {
        let id = caller.operator_id()?;
        let loaded = self.operators.load(&StreamId::global(id.0)).await;
        let (_, state) = loaded.map_err(|failure| match failure {
            Failure::Unavailable(cause) => Failure::Unavailable(cause),
            other => Failure::Internal(other.to_string().into()),
        })?;
        let Some(badge) = state.badge() else { return Ok(None) };
        let open = |subject: Uuid, field: &'static str, value: domain::Sealed| async move {
            let clear = self.vault.open(subject, field, &value).await.map_err(sealed)?;
            Ok::<_, Failure>(clear.unwrap_or_else(|| "erased".to_owned()))
        };
        Ok(Some(OperatorRow {
            id,
            fullname: open(id.0, "fullname", badge.fullname.clone()).await?,
            email: open(id.0, "email", badge.email.clone()).await?,
            role: badge.role,
            created_at: badge.created_at,
        }))
    }
}

impl Refusal for OperatorError {
    fn code(&self) -> Code {
        match self {
            Self::AlreadyCreated | Self::EmailTaken => Code::AlreadyExists,
            Self::InvalidCredentials => Code::Unauthenticated,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::EmailTaken => Some("email"),
            Self::AlreadyCreated | Self::InvalidCredentials => None,
        }
    }
}
