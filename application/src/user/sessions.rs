//! Signing in and staying signed in.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Claim, Sealed, SessionId, StreamId, TenantId, Timestamp, UserId,
    two_factor::TwoFactorError,
    user::{self, Account, Session, USERNAME, User, UserCommand, UserError},
};
use serde::Serialize;
use uuid::Uuid;

use super::commands::{itself, seal, sealed};
use crate::{
    Access, App, Caller, Command, Failure, Handle, Order, Outcome, Terms,
    bus::Done,
    ports::{Cursor, Entropy, ReadModel, TokenSession, TokenSubject, Visibility, hash_token},
};

/// The longest identifier that is looked up, in bytes.
const IDENTIFIER_BYTES_MAX: usize = 254;

/// Signs in. `identifier` is a username or an e-mail address.
#[derive(Clone, Serialize)]
pub struct Login {
    /// Username or e-mail address.
    pub identifier: String,
    /// Password.
    #[serde(skip)]
    pub password: String,
    /// The network that the request comes from, where that is known.
    #[serde(skip)]
    pub network: Option<String>,
}

/// Goes on with a session.
#[derive(Clone, Serialize)]
pub struct Refresh {
    /// The refresh token that was given last.
    #[serde(skip)]
    pub token: String,
}

/// What a signed-in person holds. `Debug` shows no token.
#[derive(Clone)]
pub struct SessionTokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
}

/// What comes of a right password.
#[derive(Clone)]
pub enum Entry {
    /// A session is open.
    Open(SessionTokens),
    /// The second factor is still to be shown, with this token.
    Challenged {
        /// It opens nothing by itself.
        token: String,
    },
}

impl Done for Entry {
    fn cursor(&self) -> Option<Cursor> {
        None
    }
    fn seen(&mut self, _: Visibility) {}
}

impl Done for SessionTokens {
    fn cursor(&self) -> Option<Cursor> {
        None
    }
    fn seen(&mut self, _: Visibility) {}
}

macro_rules! session_command {
    ($command:ident -> $output:ty, $name:literal) => {
        impl Command for $command {
            type Output = $output;
            type Rejection = UserError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Public;
            const SHOWN_IN: &'static [ReadModel] = &[];
        }
    };
}
session_command!(Login -> Entry, "user.login");
session_command!(Refresh -> SessionTokens, "user.refresh");

impl Handle<Login> for App {
    async fn handle(&self, caller: &Caller, login: Login, _: Terms) -> Outcome<Login> {
        let Login { identifier, password, network } = login;
        let attempt = self.attempt("login", &identifier).await?;
        let found = self.find(&identifier).await?;
        let hash = match &found {
            Some((stream, account)) => {
                let subject = stream.own().unwrap_or(Uuid::nil());
                self.vault.open(subject, "password", &account.password).await.map_err(sealed)?
            }
            None => None,
        };
        // Without a hash the check takes as long: unknown and wrong look alike.
        let right = self.passwords.verify(password, hash).await?;
        attempt.settle(right).await?;
        let Some((stream, checked)) = found.filter(|_| right) else {
            return Err(Failure::Rejected(UserError::InvalidCredentials));
        };
        self.tenant_is_open(&stream).await?;
        let now = self.clock.now();
        let session = SessionId(self.entropy.id());
        let (refresh, mut opened) = self.open_session(&stream, session, now)?;
        opened.place = self.place(&stream, network).await?;
        let intent = UserCommand::SignIn(opened);
        let terms = Terms::default();
        let caller = &itself(caller, &stream, now);
        let name = Login::NAME;
        let order = Order { stream: stream.clone(), intent, caller, name, terms: &terms, key: None, at: now };
        let done = match self.users.execute(order).await {
            Err(Failure::Rejected(UserError::TwoFactor(TwoFactorError::Required))) => {
                return self.challenge_user(caller, stream, &checked.password, name, now).await;
            }
            done => done?,
        };
        // The password was changed while we checked it: what we checked is worth nothing.
        if done.state.account().is_none_or(|account| account.password != checked.password) {
            let (stream, intent) = (done.stream, UserCommand::EndSession(session));
            let order = Order { stream, intent, caller, name, terms: &terms, key: None, at: now };
            self.users.execute(order).await?;
            return Err(Failure::Rejected(UserError::InvalidCredentials));
        }
        self.session_tokens(&done.stream, &done.state, session, refresh, now).await.map(Entry::Open)
    }
}

impl Handle<Refresh> for App {
    async fn handle(&self, caller: &Caller, shown: Refresh, _: Terms) -> Outcome<Refresh> {
        let invalid = || Failure::Rejected(UserError::SessionInvalid);
        let (stream, session) = read_refresh(&shown.token).ok_or_else(invalid)?;
        self.tenant_is_open(&stream).await?;
        let now = self.clock.now();
        let (refresh, opened) = self.open_session(&stream, session, now)?;
        let new = opened.refresh.clone();
        let intent = UserCommand::Refresh { shown: hash_token(&shown.token), session: opened };
        let terms = Terms::default();
        let caller = &itself(caller, &stream, now);
        let order = Order { stream, intent, caller, name: Refresh::NAME, terms: &terms, key: None, at: now };
        let done = self.users.execute(order).await?;
        let goes_on = done.state.account().is_some_and(|account| {
            account.sessions.iter().any(|open| open.id == session && open.refresh == new)
        });
        if !goes_on {
            tracing::warn!(session.id = %session, "a refresh token was shown twice; its family is revoked");
            return Err(invalid());
        }
        self.session_tokens(&done.stream, &done.state, session, refresh, now).await
    }
}

impl App {
    /// The user of a username or e-mail address, from the claims: always as new as the log.
    async fn find(&self, identifier: &str) -> Result<Option<(StreamId, Account)>, Failure<UserError>> {
        let clear = identifier.trim().to_lowercase();
        if clear.is_empty() || clear.len() > IDENTIFIER_BYTES_MAX {
            return Ok(None);
        }
        let scope = if clear.contains('@') { user::EMAIL } else { USERNAME };
        let index = self.vault.index(scope, &clear).await.map_err(sealed)?;
        let holder = self.log.holder(&Claim::new(scope, index.as_str())).await;
        let Some(stream) = holder.map_err(crate::aggregates::broken)? else {
            // As much is read for nobody as for somebody: the time must not tell which it was.
            self.users.load(&StreamId::within(TenantId(Uuid::nil()), Uuid::nil())).await?;
            return Ok(None);
        };
        let (_, user) = self.users.load(&stream).await?;
        Ok(user.account().cloned().map(|account| (stream, account)))
    }

    /// Nobody of a suspended tenant comes in, nor goes on.
    pub(super) async fn tenant_is_open(&self, stream: &StreamId) -> Result<(), Failure<UserError>> {
        let Some(tenant) = stream.tenant() else { return Ok(()) };
        let loaded = self.tenants.load(&StreamId::global(tenant.0)).await;
        let (_, tenant) = loaded.map_err(|failure| failure.map(UserError::Tenant))?;
        if tenant.is_suspended() { Err(Failure::Rejected(UserError::Suspended)) } else { Ok(()) }
    }

    /// A network as it is remembered: sealed with the person's own key, so that it goes with it.
    pub(super) async fn place(
        &self,
        stream: &StreamId,
        network: Option<String>,
    ) -> Result<Option<Sealed>, Failure<UserError>> {
        let (Some(subject), Some(network)) = (stream.own(), network) else { return Ok(None) };
        seal(self.vault.as_ref(), subject, "place", &network).await.map(Some)
    }

    pub(super) fn open_session(
        &self,
        stream: &StreamId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<(String, Session), Failure<UserError>> {
        let clear =
            write_refresh(stream, id, self.entropy.as_ref()).ok_or(Failure::Rejected(UserError::NotFound))?;
        let lifetime = chrono::Duration::from_std(self.lifetimes.refresh);
        let expires_at = now + lifetime.map_err(|error| Failure::Internal(error.into()))?;
        let session = Session { id, refresh: hash_token(&clear), expires_at, place: None };
        Ok((clear, session))
    }

    pub(super) async fn session_tokens(
        &self,
        stream: &StreamId,
        user: &User,
        session: SessionId,
        refresh: String,
        now: Timestamp,
    ) -> Result<SessionTokens, Failure<UserError>> {
        let (access, expires_in) = self.access_token(stream, user, session, now).await?;
        Ok(SessionTokens { access, refresh, expires_in })
    }

    /// The access token of an open session, and the seconds until it expires. It says when the
    /// session was confirmed: refreshing does not change that.
    pub(super) async fn access_token(
        &self,
        stream: &StreamId,
        user: &User,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(String, i64), Failure<UserError>> {
        let account = user.account().ok_or(Failure::Rejected(UserError::NotFound))?;
        let open = account.sessions.iter().find(|open| open.id == session);
        let open = open.ok_or(Failure::Rejected(UserError::SessionInvalid))?;
        let session = TokenSession { id: session, confirmed_at: open.confirmed_at };
        let id = UserId(stream.own().ok_or(Failure::Rejected(UserError::NotFound))?);
        let subject = TokenSubject::User { user: id, tenant: account.tenant, roles: account.roles.clone() };
        let lifetime = chrono::Duration::from_std(self.lifetimes.access);
        let lifetime = lifetime.map_err(|error| Failure::Internal(error.into()))?;
        let access = self.tokens.issue(&subject, session, self.entropy.id(), now, now + lifetime).await;
        let access = access.map_err(|error| Failure::Internal(error.into()))?;
        Ok((access, lifetime.num_seconds()))
    }
}

/// A refresh token names its stream and session, so that an old one is known for what it is.
fn write_refresh(stream: &StreamId, session: SessionId, entropy: &dyn Entropy) -> Option<String> {
    let mut bytes = Vec::with_capacity(80);
    bytes.extend_from_slice(stream.tenant()?.0.as_bytes());
    bytes.extend_from_slice(stream.own()?.as_bytes());
    bytes.extend_from_slice(session.0.as_bytes());
    bytes.extend_from_slice(&entropy.secret());
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn read_refresh(clear: &str) -> Option<(StreamId, SessionId)> {
    let bytes = URL_SAFE_NO_PAD.decode(clear).ok().filter(|bytes| bytes.len() == 80)?;
    let id = |from: usize| Uuid::from_slice(bytes.get(from..from + 16)?).ok();
    Some((StreamId::within(TenantId(id(0)?), id(16)?), SessionId(id(32)?)))
}
