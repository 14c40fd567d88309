//! Consumers of the log under an operator's hand: how far each came, rebuilds, dead letters.

mod mutation;
mod query;
mod subscription;
mod types;

pub(crate) use mutation::ProjectionMutation;
pub(crate) use query::ProjectionQuery;
pub(crate) use subscription::ProjectionSubscription;
