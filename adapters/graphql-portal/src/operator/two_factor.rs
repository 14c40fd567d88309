//! The second factor in GraphQL.

use adapter_web::{ContextExt, CursorText, failed, problem, qr_data_url};
use application::{
    Code, Problem,
    operator::{BindPortalTwoFactor, GeneratePortalTwoFactor, PortalMe, UnbindPortalTwoFactor},
    two_factor::TwoFactorSecret,
};
use async_graphql::{Context, Object, Result, SimpleObject};

use super::types::Operator;
use crate::terms::{int, position, terms};

#[derive(Default)]
pub(crate) struct TwoFactorMutation;

/// A secret for an authenticator app. It counts once `bindTwoFactor` was shown a code of it.
struct GenerateTwoFactorPayload(TwoFactorSecret);

#[Object]
impl GenerateTwoFactorPayload {
    /// To be typed in where no code can be scanned.
    async fn secret(&self) -> &str {
        &self.0.secret
    }

    /// The secret as authenticator apps read it.
    async fn otpauth_url(&self) -> &str {
        &self.0.otpauth_url
    }

    /// `otpauthUrl` as a QR code: a PNG in a `data:` URL.
    async fn qr_code(&self) -> Result<String> {
        qr_data_url(self.0.otpauth_url.clone()).await.map_err(problem)
    }

    /// One up per event.
    async fn version(&self) -> i32 {
        int(self.0.version)
    }

    /// The place of the last event.
    async fn cursor(&self, ctx: &Context<'_>) -> CursorText {
        position(ctx, self.0.cursor)
    }
}

/// The second factor is asked for from now on.
#[derive(SimpleObject)]
struct BindTwoFactorPayload {
    /// Each opens one session without the device. They are not shown again.
    recovery_codes: Vec<String>,
    operator: Operator,
    /// One up per event.
    version: i32,
    /// The place of the last event.
    cursor: CursorText,
}

/// The password alone is enough again.
#[derive(SimpleObject)]
struct UnbindTwoFactorPayload {
    operator: Operator,
    /// One up per event.
    version: i32,
    /// The place of the last event.
    cursor: CursorText,
}

async fn me(ctx: &Context<'_>) -> Result<Operator> {
    let row = ctx.app().ask(ctx.caller(), PortalMe, None).await.map_err(failed)?;
    row.map(Operator::from).ok_or_else(|| problem(Problem::new(Code::NotFound, "operator not found")))
}

#[Object]
impl TwoFactorMutation {
    /// Gives out a secret to set up a second factor with; it replaces one that was not bound yet.
    async fn generate_two_factor(
        &self,
        ctx: &Context<'_>,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<GenerateTwoFactorPayload> {
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), GeneratePortalTwoFactor, terms).await.map_err(failed)?;
        Ok(GenerateTwoFactorPayload(done))
    }

    /// Asks for the second factor at each `portalLogin` from now on. Codes are shown once and
    /// accepted once, so a repeated `idempotencyKey` is refused like any other repetition.
    async fn bind_two_factor(
        &self,
        ctx: &Context<'_>,
        code: String,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<BindTwoFactorPayload> {
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), BindPortalTwoFactor { code }, terms).await.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        let (version, cursor) = (int(done.version), position(ctx, done.cursor));
        Ok(BindTwoFactorPayload {
            recovery_codes: done.recovery_codes,
            operator: me(ctx).await?,
            version,
            cursor,
        })
    }

    /// Removes the second factor. `code` is what the device shows, or a recovery code.
    async fn unbind_two_factor(
        &self,
        ctx: &Context<'_>,
        code: String,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UnbindTwoFactorPayload> {
        let terms = terms(idempotency_key, expected_version);
        let done =
            ctx.app().send(ctx.caller(), UnbindPortalTwoFactor { code }, terms).await.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        let (version, cursor) = (int(done.version), position(ctx, done.cursor));
        Ok(UnbindTwoFactorPayload { operator: me(ctx).await?, version, cursor })
    }
}
