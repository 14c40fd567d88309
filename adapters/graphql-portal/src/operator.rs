//! Operators in GraphQL: signing in, and who asks.

use adapter_web::{ContextExt, failed, limited, problem};
use application::{
    Code, Problem, Terms,
    operator::{OperatorRow, PortalLogin, PortalMe},
};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::operator;

#[derive(Default)]
pub(crate) struct OperatorQuery;

#[derive(Default)]
pub(crate) struct OperatorMutation;

/// What an operator may do.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "operator::OperatorRole")]
pub(crate) enum OperatorRole {
    /// Reads.
    Support,
    /// Also acts on users, todos, projections and jobs.
    Operations,
    /// Also manages tenants and operators and erases users.
    SuperAdmin,
}

/// One of the portal's own identities.
#[derive(SimpleObject)]
pub(crate) struct Operator {
    id: ID,
    fullname: String,
    email: String,
    role: OperatorRole,
    created_at: DateTime<Utc>,
}

impl From<OperatorRow> for Operator {
    fn from(row: OperatorRow) -> Self {
        Self {
            id: row.id.to_string().into(),
            fullname: row.fullname,
            email: row.email,
            role: row.role.into(),
            created_at: row.created_at,
        }
    }
}

/// Who signs in.
#[derive(InputObject)]
struct PortalLoginInput {
    email: String,
    password: String,
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
    /// What to show it with.
    two_factor_token: Option<String>,
}

#[Object]
impl OperatorQuery {
    /// The operator who asks.
    async fn me(&self, ctx: &Context<'_>) -> Result<Operator> {
        let row = ctx.app().ask(ctx.caller(), PortalMe, None).await.map_err(failed)?;
        row.map(Operator::from).ok_or_else(|| problem(Problem::new(Code::NotFound, "operator not found")))
    }
}

#[Object]
impl OperatorMutation {
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
        let terms = Terms { idempotency_key, expected_version: None };
        let done = ctx.app().send(ctx.caller(), login, terms).await.map_err(failed)?;
        Ok(PortalAuthPayload {
            access_token: Some(done.access),
            expires_in: i32::try_from(done.expires_in).ok(),
            requires_two_factor: false,
            two_factor_token: None,
        })
    }
}
