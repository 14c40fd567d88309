//! Mails that anybody may ask for, and what the tokens in them do.

use adapter_web::{ContextExt, CursorText, failed, limited, new_password};
use application::user::{CheckResetToken, RequestPasswordReset, ResendVerification, ResetPassword};
use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::terms::{position, terms, version};

#[derive(Default)]
pub(crate) struct RecoveryQuery;

#[derive(Default)]
pub(crate) struct RecoveryMutation;

/// A token from a mail, and the password it sets.
#[derive(InputObject)]
struct ResetPasswordInput {
    token: String,
    /// 8 to 128 characters, with an upper-case letter and a digit.
    new_password: String,
}

/// Whose password was set.
#[derive(SimpleObject)]
struct ResetPasswordPayload {
    reset: bool,
    /// One up per event.
    version: i32,
    /// The place of the last event.
    cursor: CursorText,
}

#[Object]
impl RecoveryQuery {
    /// Whether this token from a mail would set a new password now.
    #[graphql(directive = limited::apply())]
    async fn verify_password_reset_token(&self, ctx: &Context<'_>, token: String) -> Result<bool> {
        ctx.app().ask(ctx.caller(), CheckResetToken { token }, None).await.map_err(failed)
    }
}

#[Object]
impl RecoveryMutation {
    /// Sends another verification to somebody who registered and did not verify the address yet;
    /// the one before works no longer. Always `true`: whether the address is known is not said.
    #[graphql(directive = limited::apply())]
    async fn resend_verification(
        &self,
        ctx: &Context<'_>,
        email: String,
        idempotency_key: Option<String>,
    ) -> Result<bool> {
        let resend = ResendVerification { email };
        let done = ctx.app().send(ctx.caller(), resend, terms(idempotency_key, None)).await;
        done.map(|_| true).map_err(failed)
    }

    /// Sends a mail that lets its reader set a new password. Always `true`: whether the address is
    /// known is not said.
    #[graphql(directive = limited::apply())]
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        email: String,
        idempotency_key: Option<String>,
    ) -> Result<bool> {
        let request = RequestPasswordReset { email };
        let done = ctx.app().send(ctx.caller(), request, terms(idempotency_key, None)).await;
        done.map(|_| true).map_err(failed)
    }

    /// Sets a new password and ends all sessions. The token from the mail works once.
    #[graphql(directive = limited::apply())]
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        input: ResetPasswordInput,
        idempotency_key: Option<String>,
    ) -> Result<ResetPasswordPayload> {
        let reset = ResetPassword { token: input.token, password: new_password(input.new_password)? };
        let done = ctx.app().send(ctx.caller(), reset, terms(idempotency_key, None)).await.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        Ok(ResetPasswordPayload {
            reset: true,
            version: version(done.version),
            cursor: position(ctx, done.cursor),
        })
    }
}
