//! One's own account: profile, password, sessions.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, new_password};
use application::{
    Committed,
    user::{
        ChangePassword, Logout, LogoutEverywhere, MySessions, PersonChanged, SessionRow, UpdateProfile,
        open_sessions,
    },
};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::user::User as Person;

use super::User;
use crate::terms::{not_null, parse, position, terms, version};

#[derive(Default)]
pub(crate) struct AccountQuery;

#[derive(Default)]
pub(crate) struct AccountMutation;

/// What changes of what others see; absent is unchanged.
#[derive(InputObject)]
struct UpdateProfileInput {
    fullname: MaybeUndefined<String>,
    /// Letters, digits and underscores.
    username: MaybeUndefined<String>,
}

/// A password and the one it replaces.
#[derive(InputObject)]
struct ChangePasswordInput {
    current_password: String,
    /// 8 to 128 characters, with an upper-case letter and a digit.
    new_password: String,
}

/// A person after a change.
#[derive(SimpleObject)]
pub(crate) struct UserPayload {
    user: User,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

impl UserPayload {
    pub(crate) fn of(ctx: &Context<'_>, done: PersonChanged) -> Self {
        ctx.note_visibility(done.visibility);
        Self {
            user: User(Arc::new(done.person)),
            version: version(done.version),
            cursor: position(ctx, done.cursor),
        }
    }
}

/// A device that is signed in. Nothing is kept that tells one device from another.
#[derive(SimpleObject)]
struct Session {
    id: ID,
    /// When you signed in.
    created_at: DateTime<Utc>,
    /// When it was refreshed last.
    last_used_at: DateTime<Utc>,
    /// When it ends unless it is refreshed before.
    expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    current: bool,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        let SessionRow { id, created_at, last_used_at, expires_at, current } = row;
        Self { id: id.to_string().into(), created_at, last_used_at, expires_at, current }
    }
}

/// The sessions that are left.
#[derive(SimpleObject)]
struct SessionsPayload {
    sessions: Vec<Session>,
    /// One up per event.
    version: i32,
    /// The place of the last event.
    cursor: CursorText,
}

impl SessionsPayload {
    fn of(ctx: &Context<'_>, done: &Committed<Person>) -> Self {
        ctx.note_visibility(done.visibility);
        let open = open_sessions(&done.state, ctx.caller().session(), ctx.app().clock.now());
        Self {
            sessions: open.into_iter().map(Session::from).collect(),
            version: version(done.version),
            cursor: position(ctx, done.cursor),
        }
    }
}

/// A value that may be absent, but not null.
fn unless_null<T>(value: MaybeUndefined<T>, field: &'static str) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(not_null(field)),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}

#[Object]
impl AccountQuery {
    /// Where you are signed in, the newest first.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let rows = ctx.app().ask(ctx.caller(), MySessions, ctx.after()).await.map_err(failed)?;
        Ok(rows.into_iter().map(Session::from).collect())
    }
}

#[Object]
impl AccountMutation {
    /// Changes what others see of you.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        input: UpdateProfileInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let update = UpdateProfile {
            fullname: unless_null(input.fullname, "fullname")?.map(parse).transpose()?,
            username: unless_null(input.username, "username")?.map(parse).transpose()?,
        };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), update, terms).await.map_err(failed)?;
        Ok(UserPayload::of(ctx, done))
    }

    /// Replaces your password and ends all your sessions, this one too: sign in anew.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let password = new_password(input.new_password)?;
        let change = ChangePassword { current: input.current_password, password };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), change, terms).await.map_err(failed)?;
        Ok(UserPayload::of(ctx, done))
    }

    /// Ends the session that asks.
    async fn logout(&self, ctx: &Context<'_>, idempotency_key: Option<String>) -> Result<SessionsPayload> {
        let terms = terms(idempotency_key, None);
        let done = ctx.app().send(ctx.caller(), Logout, terms).await.map_err(failed)?;
        Ok(SessionsPayload::of(ctx, &done))
    }

    /// Ends all your sessions.
    async fn logout_everywhere(
        &self,
        ctx: &Context<'_>,
        idempotency_key: Option<String>,
    ) -> Result<SessionsPayload> {
        let terms = terms(idempotency_key, None);
        let done = ctx.app().send(ctx.caller(), LogoutEverywhere, terms).await.map_err(failed)?;
        Ok(SessionsPayload::of(ctx, &done))
    }
}
