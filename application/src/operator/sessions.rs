//! Operators sign in and out.

use domain::{
    Claim, OperatorId, SessionId, StreamId, Timestamp,
    operator::{self, Badge, Operator, OperatorCommand, OperatorError, OperatorRole, PortalSession},
    two_factor::TwoFactorError,
};
use serde::Serialize;

use crate::{
    Access, App, Caller, Command, Committed, Failure, Handle, Order, Outcome, Terms,
    aggregates::broken,
    bus::Done,
    ports::{Cursor, ReadModel, TokenSession, TokenSubject, Visibility},
    user::sealed,
};

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

/// Ends the session that asks.
#[derive(Debug, Clone, Serialize)]
pub struct PortalLogout;

/// What a signed-in operator holds. `Debug` would show it, so there is none.
#[derive(Clone)]
pub struct PortalToken {
    /// The access token.
    pub access: String,
    /// Seconds until it expires.
    pub expires_in: i64,
}

/// What comes of a right password.
#[derive(Clone)]
pub enum PortalEntry {
    /// A session is open.
    Open(PortalToken),
    /// The second factor is still to be shown, with this token.
    Challenged {
        /// It opens nothing by itself.
        token: String,
    },
}

macro_rules! without_cursor {
    ($($output:ty),*) => {$(
        impl Done for $output {
            fn cursor(&self) -> Option<Cursor> {
                None
            }
            fn seen(&mut self, _: Visibility) {}
        }
    )*};
}
without_cursor!(PortalToken, PortalEntry);

impl Command for PortalLogin {
    type Output = PortalEntry;
    type Rejection = OperatorError;
    const NAME: &'static str = "operator.login";
    const ACCESS: Access = Access::Public;
    const SHOWN_IN: &'static [ReadModel] = &[];
}

impl Command for PortalLogout {
    type Output = Committed<Operator>;
    type Rejection = OperatorError;
    const NAME: &'static str = "operator.logout";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const SHOWN_IN: &'static [ReadModel] = &[];
}

impl Handle<PortalLogin> for App {
    async fn handle(&self, caller: &Caller, login: PortalLogin, _: Terms) -> Outcome<PortalLogin> {
        let attempt = self.attempt("portal-login", &login.email).await?;
        let found = self.operator_with(&login.email.trim().to_lowercase()).await?;
        let hash = match &found {
            Some((_, id, badge)) => {
                self.vault.open(id.0, "password", &badge.password).await.map_err(sealed)?
            }
            None => None,
        };
        let right = self.passwords.verify(login.password, hash).await?;
        attempt.settle(right).await?;
        let Some((stream, id, checked)) = found.filter(|_| right) else {
            return Err(Failure::Rejected(OperatorError::InvalidCredentials));
        };
        let now = self.clock.now();
        let session = self.portal_session(now)?;
        let itself = Caller::operator(id, session.id, checked.role, now);
        let caller = &itself.in_request(caller.correlation.clone());
        let (terms, name) = (Terms::default(), PortalLogin::NAME);
        let intent = OperatorCommand::SignIn(session);
        let order = Order { stream: stream.clone(), intent, caller, name, terms: &terms, key: None, at: now };
        let done = match self.operators.execute(order).await {
            Err(Failure::Rejected(OperatorError::TwoFactor(TwoFactorError::Required))) => {
                return self.challenge_operator(caller, stream, &checked.password, name, now).await;
            }
            done => done?,
        };
        // The password was changed while we checked it: what we checked is worth nothing.
        if done.state.badge().is_none_or(|badge| badge.password != checked.password) {
            let (stream, intent) = (done.stream, OperatorCommand::SignOut { session: session.id });
            let order = Order { stream, intent, caller, name, terms: &terms, key: None, at: now };
            self.operators.execute(order).await?;
            return Err(Failure::Rejected(OperatorError::InvalidCredentials));
        }
        self.portal_token(&done, session, now).await.map(PortalEntry::Open)
    }
}

impl Handle<PortalLogout> for App {
    async fn handle(&self, caller: &Caller, _: PortalLogout, terms: Terms) -> Outcome<PortalLogout> {
        let stream = StreamId::global(caller.operator_id()?.0);
        let session = caller.session().ok_or(Failure::Unauthenticated)?;
        let (intent, name) = (OperatorCommand::SignOut { session }, PortalLogout::NAME);
        // Ending what has ended changes nothing: a repeated key needs no memory.
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at: self.clock.now() };
        self.operators.execute(order).await
    }
}

impl App {
    /// Whose address this is, in lower case, when it is an operator's.
    pub(super) async fn operator_with(
        &self,
        email: &str,
    ) -> Result<Option<(StreamId, OperatorId, Badge)>, Failure<OperatorError>> {
        let index = self.vault.index(operator::EMAIL, email).await.map_err(sealed)?;
        let holder = self.log.holder(&Claim::new(operator::EMAIL, index.as_str())).await.map_err(broken)?;
        let Some(stream) = holder else { return Ok(None) };
        let (_, state) = self.operators.load(&stream).await?;
        let found = state.badge().zip(stream.own()).map(|(badge, id)| (OperatorId(id), badge.clone()));
        Ok(found.map(|(id, badge)| (stream, id, badge)))
    }

    /// A session that an operator may open now.
    pub(super) fn portal_session(&self, now: Timestamp) -> Result<PortalSession, Failure<OperatorError>> {
        let lifetime = chrono::Duration::from_std(self.lifetimes.portal);
        let expires_at = now + lifetime.map_err(|error| Failure::Internal(error.into()))?;
        Ok(PortalSession { id: SessionId(self.entropy.id()), expires_at })
    }

    /// The token of a session that was opened or confirmed `now`. It names the role that the operator
    /// has then.
    pub(super) async fn portal_token(
        &self,
        done: &Committed<Operator>,
        session: PortalSession,
        now: Timestamp,
    ) -> Result<PortalToken, Failure<OperatorError>> {
        let known = done.stream.own().map(OperatorId).zip(done.state.badge());
        let (operator, badge) = known.ok_or(Failure::Rejected(OperatorError::NotFound))?;
        let subject = TokenSubject::Operator { operator, role: badge.role };
        let PortalSession { id, expires_at } = session;
        let session = TokenSession { id, confirmed_at: now };
        let access = self.tokens.issue(&subject, session, self.entropy.id(), now, expires_at).await;
        let access = access.map_err(|error| Failure::Internal(error.into()))?;
        Ok(PortalToken { access, expires_in: (expires_at - now).num_seconds() })
    }
}
