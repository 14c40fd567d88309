//! Roles: the seeded ones of every tenant, a tenant's own, and who has them.

mod assignment;
mod commands;
mod queries;

pub(crate) use assignment::Gone;
pub use assignment::{AssignRole, RevokeRole};
pub(crate) use commands::may_give;
pub use commands::{CreateRole, DeleteRole, UpdateRole, written_row};
pub use queries::{ListPermissions, ListRoles, RoleList, RoleRow, RolesById};
