//! One's own password.

use adapter_web::{ContextExt, failed, new_password};
use application::operator::ChangePortalPassword;
use async_graphql::{Context, InputObject, Object, Result};

use super::mutation::OperatorPayload;
use crate::terms::terms;

#[derive(Default)]
pub(crate) struct PasswordMutation;

/// A password and the one it replaces.
#[derive(InputObject)]
struct ChangePasswordInput {
    current_password: String,
    /// 8 to 128 characters, with an upper-case letter and a digit.
    new_password: String,
}

#[Object]
impl PasswordMutation {
    /// Replaces your password and ends all your sessions, this one too: sign in anew. Whoever made
    /// your account chose the first one: replace it.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<OperatorPayload> {
        let password = new_password(input.new_password)?;
        let change = ChangePortalPassword { current: input.current_password, password };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), change, terms).await.map_err(failed)?;
        Ok(OperatorPayload::of(ctx, done))
    }
}
