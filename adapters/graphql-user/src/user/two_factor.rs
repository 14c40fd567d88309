//! The second factor in GraphQL.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, limited, problem, qr_data_url};
use application::{
    two_factor::{TwoFactorBound, TwoFactorSecret},
    user::{BindTwoFactor, GenerateTwoFactor, Me, UnbindTwoFactor, VerifyTwoFactor},
};
use async_graphql::{Context, InputObject, Object, Result};

use super::{User, types::AuthPayload};
use crate::terms::{not_found, position, terms, version};

#[derive(Default)]
pub(crate) struct TwoFactorMutation;

/// Who shows the second factor.
#[derive(InputObject)]
struct VerifyTwoFactorInput {
    /// What `login` gave.
    two_factor_token: String,
    /// What the device shows, or a recovery code.
    code: String,
}

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
        version(self.0.version)
    }

    /// The place of the last event.
    async fn cursor(&self, ctx: &Context<'_>) -> CursorText {
        position(ctx, self.0.cursor)
    }
}

/// The second factor is asked for from now on.
struct BindTwoFactorPayload(TwoFactorBound);

#[Object]
impl BindTwoFactorPayload {
    /// Each opens one session without the device. They are not shown again.
    async fn recovery_codes(&self) -> &[String] {
        &self.0.recovery_codes
    }

    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        me(ctx).await
    }

    /// One up per event.
    async fn version(&self) -> i32 {
        version(self.0.version)
    }

    /// The place of the last event.
    async fn cursor(&self, ctx: &Context<'_>) -> CursorText {
        position(ctx, self.0.cursor)
    }
}

/// The password alone is enough again.
struct UnbindTwoFactorPayload {
    version: i32,
    cursor: CursorText,
}

#[Object]
impl UnbindTwoFactorPayload {
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        me(ctx).await
    }

    /// One up per event.
    async fn version(&self) -> i32 {
        self.version
    }

    /// The place of the last event.
    async fn cursor(&self) -> CursorText {
        self.cursor.clone()
    }
}

/// Nothing that is shown of a person changes with the second factor.
async fn me(ctx: &Context<'_>) -> Result<User> {
    let row = ctx.app().ask(ctx.caller(), Me, None).await.map_err(failed)?;
    row.map(|row| User(Arc::new(row))).ok_or_else(|| not_found("user"))
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
        let done = ctx.app().send(ctx.caller(), GenerateTwoFactor, terms).await.map_err(failed)?;
        Ok(GenerateTwoFactorPayload(done))
    }

    /// Asks for the second factor at each `login` from now on. Codes are shown once and accepted
    /// once, so a repeated `idempotencyKey` is refused like any other repetition.
    async fn bind_two_factor(
        &self,
        ctx: &Context<'_>,
        code: String,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<BindTwoFactorPayload> {
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), BindTwoFactor { code }, terms).await.map_err(failed)?;
        Ok(BindTwoFactorPayload(done))
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
        let done = ctx.app().send(ctx.caller(), UnbindTwoFactor { code }, terms).await.map_err(failed)?;
        Ok(UnbindTwoFactorPayload { version: version(done.version), cursor: position(ctx, done.cursor) })
    }

    /// Shows the second factor after `login` asked for it, and opens the session. Five wrong codes
    /// lock this step, for longer and longer. Tokens are never stored, so a repeated
    /// `idempotencyKey` is refused.
    #[graphql(directive = limited::apply())]
    async fn verify_two_factor(
        &self,
        ctx: &Context<'_>,
        input: VerifyTwoFactorInput,
        idempotency_key: Option<String>,
    ) -> Result<AuthPayload> {
        let network = ctx.client_network();
        let verify = VerifyTwoFactor { token: input.two_factor_token, code: input.code, network };
        let terms = terms(idempotency_key, None);
        let done = ctx.app().send(ctx.caller(), verify, terms).await.map_err(failed)?;
        Ok(done.into())
    }
}
