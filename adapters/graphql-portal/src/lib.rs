//! The operators' portal in GraphQL.
//!
//! # How to add a query
//!
//! In the slice's file: a resolver that parses, asks `App`, and shapes. The least role it needs is
//! declared on the query's type in `application`. Then `cargo xtask schema`.

mod audit;
mod job;
mod operator;
mod projection;
mod proofs;
mod replay;
mod tenant;
mod terms;
mod todo;
mod user;

use adapter_web::{EdgeRules, limit};
use application::App;
use async_graphql::{MergedObject, MergedSubscription, Object, Schema, ValidationMode};

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    Health,
    operator::OperatorQuery,
    todo::TodoQuery,
    audit::AuditQuery,
    proofs::ProofQuery,
    tenant::TenantQuery,
    user::UserQuery,
    job::JobQuery,
    projection::ProjectionQuery,
);

/// What can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(
    operator::SessionMutation,
    operator::ConfirmationMutation,
    operator::PasswordMutation,
    operator::TwoFactorMutation,
    operator::OperatorMutation,
    todo::TodoMutation,
    tenant::TenantMutation,
    user::UserMutation,
    job::JobMutation,
    projection::ProjectionMutation,
);

/// What can be followed.
#[derive(MergedSubscription, Default)]
pub struct Subscription(replay::ReplaySubscription, projection::ProjectionSubscription);

/// The schema of the portal.
pub type PortalSchema = Schema<Query, Mutation, Subscription>;

/// The schema over an application, within the limits of the edge.
pub fn schema(app: App, rules: &EdgeRules, mode: ValidationMode) -> PortalSchema {
    limit(Schema::build(Query::default(), Mutation::default(), Subscription::default()), rules)
        .validation_mode(mode)
        .data(app)
        .finish()
}

/// The schema as text: needs nothing to run.
pub fn sdl() -> String {
    Schema::build(Query::default(), Mutation::default(), Subscription::default()).finish().sdl()
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
