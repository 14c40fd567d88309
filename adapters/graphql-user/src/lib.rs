//! The user surface in GraphQL: one folder a slice with types, queries, mutations, subscriptions.
//!
//! # How to add a mutation
//!
//! In the slice's `mutation.rs`: a resolver with three jobs, parse, send, shape. An `if` about the
//! business belongs into the domain. Then `cargo xtask schema`, and a line in `CHANGELOG.md`.

mod api_key;
mod filter;
mod role;
mod tag;
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
    todo::TodoQuery,
    tag::TagQuery,
    user::UserQuery,
    role::RoleQuery,
    api_key::ApiKeyQuery,
);

/// What can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(
    todo::TodoMutation,
    tag::TagMutation,
    user::UserMutation,
    user::TwoFactorMutation,
    role::RoleMutation,
    api_key::ApiKeyMutation,
);

/// What can be followed.
#[derive(MergedSubscription, Default)]
pub struct Subscription(todo::TodoSubscription);

/// The schema of the user surface.
pub type UserSchema = Schema<Query, Mutation, Subscription>;

/// The schema over an application, within the limits of the edge.
pub fn schema(app: App, rules: &EdgeRules, mode: ValidationMode) -> UserSchema {
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
}
