//! What operators may do.

use serde::{Deserialize, Serialize};

/// What an operator may do on the portal. The order is the order of might.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperatorRole {
    /// Reads.
    Support,
    /// Also acts on users, todos, projections and jobs.
    Operations,
    /// Also manages tenants and operators and erases users.
    SuperAdmin,
}

impl OperatorRole {
    /// The name in tokens and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Support => "SUPPORT",
            Self::Operations => "OPERATIONS",
            Self::SuperAdmin => "SUPER_ADMIN",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Support, Self::Operations, Self::SuperAdmin].into_iter().find(|role| role.name() == name)
    }
}
