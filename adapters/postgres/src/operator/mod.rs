//! The read model of operators.

mod operator_list;

pub use operator_list::{OperatorListProjection, PgOperatorList};
