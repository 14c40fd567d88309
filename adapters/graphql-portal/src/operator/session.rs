//! Signing in and out.

use adapter_web::{ContextExt, CursorText, failed, limited};
use application::operator::{PortalEntry, PortalLogin, PortalLogout, PortalToken, VerifyPortalTwoFactor};
use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::terms::{int, position, terms};

#[derive(Default)]
pub(crate) struct SessionMutation;

/// Who signs in.
#[derive(InputObject)]
struct PortalLoginInput {
    email: String,
    password: String,
}

/// Who shows the second factor.
#[derive(InputObject)]
struct VerifyTwoFactorInput {
    /// What `portalLogin` gave.
    two_factor_token: String,
    /// What the device shows, or a recovery code.
    code: String,
}

/// What a signed-in operator holds.
#[derive(SimpleObject)]
struct PortalAuthPayload {
    /// To be sent as `Authorization: Bearer …`. It cannot be refreshed.
    access_token: Option<String>,
    /// Seconds until it expires.
    expires_in: Option<i32>,
    /// Whether a second factor is still to be shown.
    requires_two_factor: bool,
    /// What to show it with, within 5 minutes.
    two_factor_token: Option<String>,
}

impl From<PortalToken> for PortalAuthPayload {
    fn from(token: PortalToken) -> Self {
        Self {
            access_token: Some(token.access),
            expires_in: i32::try_from(token.expires_in).ok(),
            requires_two_factor: false,
            two_factor_token: None,
        }
    }
}

impl From<PortalEntry> for PortalAuthPayload {
    fn from(entry: PortalEntry) -> Self {
        match entry {
            PortalEntry::Open(token) => token.into(),
            PortalEntry::Challenged { token } => Self {
                access_token: None,
                expires_in: None,
                requires_two_factor: true,
                two_factor_token: Some(token),
            },
        }
    }
}

/// A session that has ended.
#[derive(SimpleObject)]
struct PortalLogoutPayload {
    signed_out: bool,
    /// One up per event.
    version: i32,
    /// The place of the last event.
    cursor: CursorText,
}

#[Object]
impl SessionMutation {
    /// Signs an operator in. Tokens are never stored, so a repeated `idempotencyKey` opens another
    /// session.
    #[graphql(directive = limited::apply())]
    async fn portal_login(
        &self,
        ctx: &Context<'_>,
        input: PortalLoginInput,
        idempotency_key: Option<String>,
    ) -> Result<PortalAuthPayload> {
        let login = PortalLogin { email: input.email, password: input.password };
        let done = ctx.app().send(ctx.caller(), login, terms(idempotency_key, None)).await.map_err(failed)?;
        Ok(done.into())
    }

    /// Shows the second factor after `portalLogin` asked for it, and opens the session. Five wrong
    /// codes lock this step, for longer and longer. Tokens are never stored, so a repeated
    /// `idempotencyKey` is refused.
    #[graphql(directive = limited::apply())]
    async fn verify_two_factor(
        &self,
        ctx: &Context<'_>,
        input: VerifyTwoFactorInput,
        idempotency_key: Option<String>,
    ) -> Result<PortalAuthPayload> {
        let verify = VerifyPortalTwoFactor { token: input.two_factor_token, code: input.code };
        let terms = terms(idempotency_key, None);
        let done = ctx.app().send(ctx.caller(), verify, terms).await.map_err(failed)?;
        Ok(done.into())
    }

    /// Ends the session that asks. Done twice, it changes nothing the second time.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        idempotency_key: Option<String>,
    ) -> Result<PortalLogoutPayload> {
        let terms = terms(idempotency_key, None);
        let done = ctx.app().send(ctx.caller(), PortalLogout, terms).await.map_err(failed)?;
        let (version, cursor) = (int(done.version), position(ctx, done.cursor));
        Ok(PortalLogoutPayload { signed_out: true, version, cursor })
    }
}
