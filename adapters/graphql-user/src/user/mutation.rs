//! Registration and sessions.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, limited};
use application::user::{Login, Person, Refresh, Register, VerifyEmail};
use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use super::{User, types::AuthPayload};
use crate::terms::{parse, position, terms, version};

#[derive(Default)]
pub(crate) struct EntryMutation;

/// Who wants to become a user.
#[derive(InputObject)]
struct RegisterInput {
    /// As one writes it.
    fullname: String,
    /// Letters, digits and underscores.
    username: String,
    /// Where the verification goes.
    email: String,
    /// 8 to 128 characters, with an upper-case letter and a digit.
    password: String,
    /// What the new tenant is called; by default like the person.
    tenant_name: Option<String>,
    /// From a friend.
    referral_code: Option<String>,
}

/// Who signs in.
#[derive(InputObject)]
struct LoginInput {
    /// Username or e-mail address.
    identifier: String,
    password: String,
}

/// Who stays signed in.
#[derive(InputObject)]
struct RefreshTokenInput {
    refresh_token: String,
}

/// Who became a user. There are no tokens until the e-mail address is verified.
#[derive(SimpleObject)]
struct RegisterPayload {
    user: User,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

/// Whose e-mail address is verified.
#[derive(SimpleObject)]
struct VerifyEmailPayload {
    verified: bool,
    /// One up per event.
    version: i32,
    /// The place of the last event.
    cursor: CursorText,
}

#[Object]
impl EntryMutation {
    /// Makes a tenant with you as its Owner. Verify your e-mail address, then sign in.
    #[graphql(directive = limited::apply())]
    async fn register(
        &self,
        ctx: &Context<'_>,
        input: RegisterInput,
        idempotency_key: Option<String>,
    ) -> Result<RegisterPayload> {
        let person = Person {
            fullname: parse(input.fullname)?,
            username: parse(input.username)?,
            email: parse(input.email)?,
            password: parse(input.password)?,
        };
        let register = Register {
            person,
            tenant_name: input.tenant_name.map(parse).transpose()?,
            referral_code: input.referral_code,
        };
        let done =
            ctx.app().send(ctx.caller(), register, terms(idempotency_key, None)).await.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        Ok(RegisterPayload {
            user: User(Arc::new(done.person)),
            version: version(done.version),
            cursor: position(ctx, done.cursor),
        })
    }

    /// Shows that the e-mail address is yours: the token comes from the mail, and works once.
    #[graphql(directive = limited::apply())]
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        token: String,
        idempotency_key: Option<String>,
    ) -> Result<VerifyEmailPayload> {
        let verify = VerifyEmail { token };
        let done =
            ctx.app().send(ctx.caller(), verify, terms(idempotency_key, None)).await.map_err(failed)?;
        ctx.note_visibility(done.visibility);
        Ok(VerifyEmailPayload {
            verified: true,
            version: version(done.version),
            cursor: position(ctx, done.cursor),
        })
    }

    /// Signs you in with username or e-mail address. Tokens are never stored, so a repeated
    /// `idempotencyKey` opens another session.
    #[graphql(directive = limited::apply())]
    async fn login(
        &self,
        ctx: &Context<'_>,
        input: LoginInput,
        idempotency_key: Option<String>,
    ) -> Result<AuthPayload> {
        let network = ctx.client_network();
        let login = Login { identifier: input.identifier, password: input.password, network };
        let done = ctx.app().send(ctx.caller(), login, terms(idempotency_key, None)).await.map_err(failed)?;
        Ok(done.into())
    }

    /// Gives the next pair of tokens. A refresh token works once: shown again, it ends its session.
    #[graphql(directive = limited::apply())]
    async fn refresh_token(
        &self,
        ctx: &Context<'_>,
        input: RefreshTokenInput,
        idempotency_key: Option<String>,
    ) -> Result<AuthPayload> {
        let refresh = Refresh { token: input.refresh_token };
        let done =
            ctx.app().send(ctx.caller(), refresh, terms(idempotency_key, None)).await.map_err(failed)?;
        Ok(done.into())
    }
}
