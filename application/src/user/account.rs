//! One's own account: profile, password, sessions.

use domain::{
    SessionId, StreamId, Timestamp,
    user::{self, Fullname, Password, ProfileChange, User, UserCommand, UserError, Username},
};
use serde::Serialize;

use super::{
    PersonChanged,
    commands::{seal, sealed, user_command},
    recovery::never,
};
use crate::{
    Access, Answer, Answered, App, Caller, Command, Committed, Failure, Handle, Member, Order, Outcome,
    Query, Terms,
    aggregates::broken,
    order::idempotency,
    ports::{IdempotencyKey, ReadModel},
};

/// Changes what is `Some` of what others see.
#[derive(Debug, Clone)]
pub struct UpdateProfile {
    /// Another full name.
    pub fullname: Option<Fullname>,
    /// Another username.
    pub username: Option<Username>,
}

impl Serialize for UpdateProfile {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fullname = self.fullname.as_ref().map(Fullname::as_str);
        (fullname, self.username.as_ref().map(Username::as_str)).serialize(serializer)
    }
}

/// Replaces the password. All sessions end, this one too.
#[derive(Clone, Serialize)]
pub struct ChangePassword {
    /// The one that works now.
    #[serde(skip)]
    pub current: String,
    /// The new one.
    #[serde(skip)]
    pub password: Password,
}

/// Ends the session that asks.
#[derive(Debug, Clone, Serialize)]
pub struct Logout;

/// Ends all of one's sessions.
#[derive(Debug, Clone, Serialize)]
pub struct LogoutEverywhere;

user_command!(UpdateProfile -> PersonChanged, "user.update_profile", Access::InPerson(&[]), [People]);
user_command!(ChangePassword -> PersonChanged, "user.change_password", Access::InPerson(&[]), []);
user_command!(Logout -> Committed<User>, "user.logout", Access::InPerson(&[]), []);
user_command!(LogoutEverywhere -> Committed<User>, "user.logout_everywhere", Access::InPerson(&[]), []);

impl Handle<UpdateProfile> for App {
    async fn handle(&self, caller: &Caller, update: UpdateProfile, terms: Terms) -> Outcome<UpdateProfile> {
        let me: Member = caller.signed_in()?;
        let key = self.personal_key(caller, UpdateProfile::NAME, &update, &terms).await?;
        let vault = self.vault.as_ref();
        let mut change = ProfileChange::default();
        if let Some(fullname) = &update.fullname {
            change.fullname = Some(seal(vault, me.user.0, "fullname", fullname.as_str()).await?);
        }
        if let Some(username) = &update.username {
            let index = vault.index(user::USERNAME, username.as_str()).await.map_err(sealed)?;
            change.username = Some((seal(vault, me.user.0, "username", username.as_str()).await?, index));
        }
        let intent = UserCommand::UpdateProfile(change);
        let done = self.change_oneself(caller, UpdateProfile::NAME, intent, key, &terms).await?;
        self.person_changed(done).await
    }
}

impl Handle<ChangePassword> for App {
    async fn handle(&self, caller: &Caller, change: ChangePassword, terms: Terms) -> Outcome<ChangePassword> {
        let me: Member = caller.signed_in()?;
        let key = idempotency(caller, ChangePassword::NAME, &change, &terms);
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.person_changed(self.users.as_received(receipt).await?).await;
        }
        let (_, state) = self.users.load(&StreamId::within(me.tenant, me.user.0)).await?;
        let account = state.account().ok_or(Failure::Rejected(UserError::NotFound))?;
        let checked = account.password.clone();
        if !self.is_own_password(me, account, change.current).await? {
            return Err(Failure::Rejected(UserError::CurrentPasswordWrong));
        }
        let hash = self.passwords.hash(change.password.as_str().to_owned()).await?;
        let password = seal(self.vault.as_ref(), me.user.0, "password", &hash).await?;
        let intent = UserCommand::ChangePassword { checked, password };
        let done = self.change_oneself(caller, ChangePassword::NAME, intent, key, &terms).await?;
        self.person_changed(done).await
    }
}

impl Handle<Logout> for App {
    async fn handle(&self, caller: &Caller, logout: Logout, terms: Terms) -> Outcome<Logout> {
        let session = caller.session().ok_or(Failure::NotInPerson)?;
        let key = idempotency(caller, Logout::NAME, &logout, &terms);
        self.change_oneself(caller, Logout::NAME, UserCommand::EndSession(session), key, &terms).await
    }
}

impl Handle<LogoutEverywhere> for App {
    async fn handle(
        &self,
        caller: &Caller,
        logout: LogoutEverywhere,
        terms: Terms,
    ) -> Outcome<LogoutEverywhere> {
        let key = idempotency(caller, LogoutEverywhere::NAME, &logout, &terms);
        self.change_oneself(caller, LogoutEverywhere::NAME, UserCommand::EndSessions, key, &terms).await
    }
}

/// A session as its owner sees it. Of the device nothing is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Which.
    pub id: SessionId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was refreshed last.
    pub last_used_at: Timestamp,
    /// Until when it can be refreshed.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// One's open sessions, the newest first. They come from the log itself: always as they are now.
#[derive(Debug, Clone)]
pub struct MySessions;

impl Query for MySessions {
    type Answer = Vec<SessionRow>;
    const NAME: &'static str = "user.sessions";
    const ACCESS: Access = Access::InPerson(&[]);
    const READS: &'static [ReadModel] = &[];
}

impl Answer<MySessions> for App {
    async fn answer(&self, caller: &Caller, MySessions: MySessions) -> Answered<MySessions> {
        let me = caller.signed_in()?;
        let loaded = self.users.load(&StreamId::within(me.tenant, me.user.0)).await;
        let (_, state) = loaded.map_err(never)?;
        Ok(open_sessions(&state, caller.session(), self.clock.now()))
    }
}

/// The sessions that can still be refreshed, the newest first.
pub fn open_sessions(state: &User, current: Option<SessionId>, now: Timestamp) -> Vec<SessionRow> {
    let sessions = state.account().map(|account| account.sessions.as_slice()).unwrap_or_default();
    let open = sessions.iter().rev().filter(|session| now < session.expires_at);
    open.map(|session| SessionRow {
        id: session.id,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        current: current == Some(session.id),
    })
    .collect()
}

impl App {
    async fn change_oneself(
        &self,
        caller: &Caller,
        name: &'static str,
        intent: UserCommand,
        key: Option<IdempotencyKey>,
        terms: &Terms,
    ) -> Result<Committed<User>, Failure<UserError>> {
        let me: Member = caller.signed_in()?;
        let stream = StreamId::within(me.tenant, me.user.0);
        let order = Order { stream, intent, caller, name, terms, key, at: self.clock.now() };
        self.users.execute(order).await
    }

    /// The key of a request that speaks of a person: the stored hash of it tells nothing to
    /// anybody without the deployment's own key.
    pub(super) async fn personal_key(
        &self,
        caller: &Caller,
        name: &'static str,
        body: &(impl Serialize + Sync),
        terms: &Terms,
    ) -> Result<Option<IdempotencyKey>, Failure<UserError>> {
        if terms.idempotency_key.is_none() {
            return Ok(None);
        }
        let body = serde_json::to_string(body).map_err(|error| Failure::Internal(error.into()))?;
        let body = self.vault.index(name, &body).await.map_err(sealed)?;
        Ok(idempotency(caller, name, &body, terms))
    }
}
