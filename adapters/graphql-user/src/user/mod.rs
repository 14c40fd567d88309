//! Users in GraphQL: registration, sessions, the person who asks.

mod mutation;
mod query;
mod types;

pub(crate) use mutation::UserMutation;
pub(crate) use query::UserQuery;
pub(crate) use types::User;
