//! The read model of tenants' own roles.

mod role_list;

pub use role_list::{PgRoleList, RoleListProjection};
