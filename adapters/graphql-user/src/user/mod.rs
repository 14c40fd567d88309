//! Users in GraphQL: registration, sessions, the person who asks.

mod mutation;
mod query;
mod two_factor;
mod types;

pub(crate) use mutation::UserMutation;
pub(crate) use query::UserQuery;
pub(crate) use two_factor::TwoFactorMutation;
pub(crate) use types::User;
