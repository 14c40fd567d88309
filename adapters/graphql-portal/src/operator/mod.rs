//! Operators in GraphQL: signing in and out, who asks, and who else works here.

mod confirmation;
mod mutation;
mod password;
mod query;
mod session;
mod two_factor;
mod types;

pub(crate) use confirmation::ConfirmationMutation;
pub(crate) use mutation::OperatorMutation;
pub(crate) use password::PasswordMutation;
pub(crate) use query::OperatorQuery;
pub(crate) use session::SessionMutation;
pub(crate) use two_factor::TwoFactorMutation;
