//! Showing the password again, in a session that is open.

use adapter_web::{ContextExt, CursorText, failed, limited};
use application::{confirmation::Confirmed, user::ConfirmPassword};
use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use crate::terms::{position, terms, version};

#[derive(Default)]
pub(crate) struct ConfirmationMutation;

/// The session goes on, and what is sensitive is allowed for a while.
#[derive(SimpleObject)]
struct ConfirmPasswordPayload {
    /// Takes the place of the access token that asked. The refresh token stays as it is.
    access_token: String,
    /// Seconds until it expires.
    expires_in: i32,
    /// Until when this session may do what asks for the password, in this token and in refreshed ones.
    confirmed_until: DateTime<Utc>,
    /// One up per event.
    version: i32,
    /// The place of the last event.
    cursor: CursorText,
}

impl ConfirmPasswordPayload {
    fn of(ctx: &Context<'_>, done: Confirmed) -> Self {
        Self {
            confirmed_until: done.until(),
            access_token: done.access,
            expires_in: version(done.expires_in),
            version: version(done.version),
            cursor: position(ctx, done.cursor),
        }
    }
}

#[Object]
impl ConfirmationMutation {
    /// Shows that it is still you, for 15 minutes: an error with `reauthenticate: true` asks for it.
    /// `code` is what the device shows, or a recovery code, and needed where a second factor is
    /// bound. Tokens are never stored, so a repeated `idempotencyKey` confirms again.
    #[graphql(directive = limited::apply())]
    async fn confirm_password(
        &self,
        ctx: &Context<'_>,
        password: String,
        code: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<ConfirmPasswordPayload> {
        let (confirm, terms) = (ConfirmPassword { password, code }, terms(idempotency_key, None));
        let done = ctx.app().send(ctx.caller(), confirm, terms).await.map_err(failed)?;
        Ok(ConfirmPasswordPayload::of(ctx, done))
    }
}
