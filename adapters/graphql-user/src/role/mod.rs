//! Roles in GraphQL: what there is, and who has what.

mod mutation;
mod query;
mod types;

pub(crate) use mutation::RoleMutation;
pub(crate) use query::RoleQuery;
