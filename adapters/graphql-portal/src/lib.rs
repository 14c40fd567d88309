//! The operators' portal in GraphQL.
//!
//! # How to add a query
//!
//! In the slice's file: a resolver that parses, asks `App`, and shapes. The least role it needs is
//! declared on the query's type in `application`. Then `cargo xtask schema`.

mod audit;
mod operator;
mod todo;

use adapter_web::{EdgeRules, limit, problem};
use application::{App, Code, Problem};
use async_graphql::{EmptySubscription, ID, MergedObject, Object, Result, Schema};
use uuid::Uuid;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(Health, operator::OperatorQuery, todo::TodoQuery, audit::AuditQuery);

/// What can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(operator::OperatorMutation);

/// The schema of the portal.
pub type PortalSchema = Schema<Query, Mutation, EmptySubscription>;

/// The schema over an application, within the limits of the edge.
pub fn schema(app: App, rules: &EdgeRules) -> PortalSchema {
    limit(Schema::build(Query::default(), Mutation::default(), EmptySubscription), rules).data(app).finish()
}

/// The schema as text: needs nothing to run.
pub fn sdl() -> String {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription).finish().sdl()
}

#[derive(Default)]
struct Health;

#[Object]
impl Health {
    /// `ok` while this process answers.
    async fn health(&self) -> &'static str {
        "ok"
    }

    /// `ok` while this process answers.
    async fn portal_health(&self) -> &'static str {
        "ok"
    }
}

/// An id in an argument.
pub(crate) fn id(raw: &ID, field: &'static str) -> Result<Uuid> {
    raw.parse().map_err(|_| {
        problem(Problem::new(Code::ValidationFailed, format!("{field} is not an id")).of_field(field))
    })
}

/// A count or version as GraphQL's `Int`.
pub(crate) fn int(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// How much a page weighs: its rows count, not only its fields.
pub(crate) fn page_weight(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    const ROWS_PER_WEIGHT: usize = 50;
    let rows = usize::try_from(first.or(last).unwrap_or(0)).unwrap_or(0);
    2 + child * (1 + rows.min(application::PAGE_MAX) / ROWS_PER_WEIGHT)
}
