//! What can be asked about operators.

use adapter_web::{ContextExt, CursorText, failed, problem, relay};
use application::{
    Code, Direction, Filter, PageRequest, Problem, Test,
    operator::{OperatorField, OperatorFilter as Which, Operators, PortalMe},
};
use async_graphql::{Context, InputObject, Object, Result};

use super::types::{Operator, OperatorConnection, OperatorRole};
use crate::terms::page_weight;

#[derive(Default)]
pub(crate) struct OperatorQuery;

/// Which operators: all that is given must hold.
#[derive(InputObject, Default)]
struct OperatorFilter {
    role: Option<OperatorRole>,
    /// Whether the operator may sign in.
    active: Option<bool>,
}

impl From<OperatorFilter> for Which {
    fn from(filter: OperatorFilter) -> Self {
        let role = filter.role.map(|role| OperatorField::Role(Test::Eq(role.into())));
        let active = filter.active.map(|active| OperatorField::Active(Test::Eq(active)));
        Self::All([role, active].into_iter().flatten().map(Filter::Field).collect())
    }
}

#[Object]
impl OperatorQuery {
    /// The operator who asks.
    async fn me(&self, ctx: &Context<'_>) -> Result<Operator> {
        let row = ctx.app().ask(ctx.caller(), PortalMe, None).await.map_err(failed)?;
        row.map(Operator::from).ok_or_else(|| problem(Problem::new(Code::NotFound, "operator not found")))
    }

    /// Everybody who works on the portal or ever did, newest first.
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn operators(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<OperatorFilter>,
    ) -> Result<OperatorConnection> {
        let list = "operators";
        let filter = Which::from(filter.unwrap_or_default());
        let window = relay::window(ctx, list, first, after, last, before)?;
        let request = PageRequest { filter: filter.clone(), sort: Direction::Desc, window };
        let page = ctx.app().ask(ctx.caller(), Operators { request }, ctx.after()).await.map_err(failed)?;
        Ok(OperatorConnection { page, filter, list })
    }
}
