//! Operators as GraphQL shows them.

use adapter_web::{ContextExt, CursorText, failed, relay::PageInfo};
use application::{
    Page,
    operator::{CountOperators, OperatorFilter, OperatorRow},
};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::operator;

use crate::terms::int;

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
#[derive(SimpleObject, Clone)]
pub(crate) struct Operator {
    id: ID,
    fullname: String,
    email: String,
    role: OperatorRole,
    /// Whether the operator may sign in.
    active: bool,
    /// Whether a second factor is asked for.
    two_factor: bool,
    created_at: DateTime<Utc>,
}

impl From<OperatorRow> for Operator {
    fn from(row: OperatorRow) -> Self {
        Self {
            id: row.id.to_string().into(),
            fullname: row.fullname,
            email: row.email,
            role: row.role.into(),
            active: row.active,
            two_factor: row.two_factor,
            created_at: row.created_at,
        }
    }
}

/// An operator in a list.
#[derive(SimpleObject)]
struct OperatorEdge {
    cursor: CursorText,
    node: Operator,
}

/// A page of operators.
pub(crate) struct OperatorConnection {
    pub(crate) page: Page<OperatorRow>,
    pub(crate) filter: OperatorFilter,
    pub(crate) list: &'static str,
}

#[Object]
impl OperatorConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<OperatorEdge> {
        let cursor = |key| CursorText(ctx.codec().keyset(self.list, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| OperatorEdge { cursor: cursor(&edge.key), node: edge.node.clone().into() }).collect()
    }

    async fn nodes(&self) -> Vec<Operator> {
        self.page.edges.iter().map(|edge| edge.node.clone().into()).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, self.list, ctx.codec())
    }

    /// How many operators pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountOperators { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(int).map_err(failed)
    }
}
