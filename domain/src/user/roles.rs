//! What a person may do: the roles the person has.

use super::{User, UserError, UserEvent};
use crate::{Timestamp, role::RoleRef};

/// The most roles one person may have.
pub const ROLES_MAX: usize = 20;

impl User {
    pub(super) fn assign_role(&self, role: RoleRef, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered()?;
        if account.roles.contains(&role) {
            return Ok(Vec::new());
        }
        if account.roles.len() >= ROLES_MAX {
            return Err(UserError::TooManyRoles);
        }
        Ok(vec![UserEvent::RoleAssigned { role, at }])
    }

    pub(super) fn revoke_role(&self, role: RoleRef, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        let held = self.registered()?.roles.contains(&role);
        Ok(held.then_some(UserEvent::RoleRevoked { role, at }).into_iter().collect())
    }
}
