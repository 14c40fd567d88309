//! Operators are made and changed by those who may do all.

use adapter_web::{ContextExt, CursorText, failed};
use application::operator::{CreateOperator, OperatorChanged, ResetPortalTwoFactor, UpdateOperator};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::OperatorId;

use super::types::{Operator, OperatorRole};
use crate::terms::{id, int, kept, parse, position, terms};

#[derive(Default)]
pub(crate) struct OperatorMutation;

/// Who is to work on the portal.
#[derive(InputObject)]
struct CreateOperatorInput {
    fullname: String,
    email: String,
    /// 8 to 128 characters, with an upper-case letter and a digit.
    password: String,
    role: OperatorRole,
}

/// What is to change; what is absent stays.
#[derive(InputObject)]
struct UpdateOperatorInput {
    fullname: MaybeUndefined<String>,
    /// Another role ends the operator's sessions.
    role: MaybeUndefined<OperatorRole>,
    /// `true` lets somebody who was deactivated work again; `false` does what `deactivateOperator` does.
    active: MaybeUndefined<bool>,
}

/// An operator after a change.
#[derive(SimpleObject)]
pub(super) struct OperatorPayload {
    operator: Operator,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

impl OperatorPayload {
    pub(super) fn of(ctx: &Context<'_>, done: OperatorChanged) -> Self {
        ctx.note_visibility(done.visibility);
        let (version, cursor) = (int(done.version), position(ctx, done.cursor));
        Self { operator: done.operator.into(), version, cursor }
    }
}

#[Object]
impl OperatorMutation {
    /// Makes an operator, who can sign in at once.
    async fn create_operator(
        &self,
        ctx: &Context<'_>,
        input: CreateOperatorInput,
        idempotency_key: Option<String>,
    ) -> Result<OperatorPayload> {
        let create = CreateOperator {
            fullname: parse(input.fullname)?,
            email: parse(input.email)?,
            password: parse(input.password)?,
            role: input.role.into(),
        };
        let done =
            ctx.app().send(ctx.caller(), create, terms(idempotency_key, None)).await.map_err(failed)?;
        Ok(OperatorPayload::of(ctx, done))
    }

    /// Changes an operator. The last active `SUPER_ADMIN` can be neither demoted nor deactivated.
    async fn update_operator(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] of: ID,
        input: UpdateOperatorInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<OperatorPayload> {
        let update = UpdateOperator {
            id: OperatorId(id(&of, "id")?),
            fullname: kept(input.fullname, "fullname")?.map(parse).transpose()?,
            role: kept(input.role, "role")?.map(Into::into),
            active: kept(input.active, "active")?,
        };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), update, terms).await.map_err(failed)?;
        Ok(OperatorPayload::of(ctx, done))
    }

    /// Keeps an operator from working; all sessions end. `updateOperator` with `active: true` undoes it.
    async fn deactivate_operator(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] of: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<OperatorPayload> {
        let id = OperatorId(id(&of, "id")?);
        let update = UpdateOperator { id, fullname: None, role: None, active: Some(false) };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), update, terms).await.map_err(failed)?;
        Ok(OperatorPayload::of(ctx, done))
    }

    /// Takes the second factor of another operator away, who lost it and proved who they are;
    /// `reason` says how, and is written into the audit trail. All sessions end, and a mail tells the
    /// operator. Without a second factor nothing happens. Nobody can do it for themselves.
    async fn reset_operator_two_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] of: ID,
        reason: String,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<OperatorPayload> {
        let reset = ResetPortalTwoFactor { id: OperatorId(id(&of, "id")?), reason: parse(reason)? };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), reset, terms).await.map_err(failed)?;
        Ok(OperatorPayload::of(ctx, done))
    }
}
