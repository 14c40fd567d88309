//! Todos in GraphQL.

mod filter;
mod history;
mod mutation;
mod query;
mod relations;
mod subscription;
mod types;

pub(crate) use mutation::TodoMutation;
pub(crate) use query::TodoQuery;
pub(crate) use subscription::TodoSubscription;
