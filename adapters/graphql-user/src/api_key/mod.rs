//! Keys for machines in GraphQL: made, listed, revoked by their owners.

mod mutation;
mod query;
mod types;

pub(crate) use mutation::ApiKeyMutation;
pub(crate) use query::ApiKeyQuery;
