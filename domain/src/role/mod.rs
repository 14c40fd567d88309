//! What people may do: permissions, the seeded roles of every tenant, and roles of a tenant's own.

mod custom;
mod permission;
mod reference;
#[cfg(test)]
mod spec;
mod system;

pub use custom::{
    DefineRole, NAME_CHARS_MAX, Role, RoleCommand, RoleError, RoleEvent, RoleName, RoleSheet, UpdateRole,
};
pub use permission::{Permission, UnknownPermission};
pub use reference::RoleRef;
pub use system::SystemRole;
