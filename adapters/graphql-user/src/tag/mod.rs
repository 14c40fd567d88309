//! Tags in GraphQL.

mod mutation;
mod query;
mod types;

pub(crate) use mutation::TagMutation;
pub(crate) use query::TagQuery;
pub(crate) use types::{SortDirection, Tag};
