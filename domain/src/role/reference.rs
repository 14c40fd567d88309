//! Which role somebody has.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::SystemRole;
use crate::RoleId;

/// A seeded role by its name, or one of the tenant's own by its id. It is stored as that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RoleRef {
    /// A role that every tenant has.
    System(SystemRole),
    /// A role of the tenant's own.
    Custom(RoleId),
}

impl fmt::Display for RoleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(role) => f.write_str(role.name()),
            Self::Custom(id) => id.fmt(f),
        }
    }
}

impl FromStr for RoleRef {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match SystemRole::named(text) {
            Some(role) => Ok(Self::System(role)),
            None => text.parse().map(Self::Custom),
        }
    }
}

impl TryFrom<String> for RoleRef {
    type Error = uuid::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RoleRef> for String {
    fn from(role: RoleRef) -> Self {
        role.to_string()
    }
}

impl From<SystemRole> for RoleRef {
    fn from(role: SystemRole) -> Self {
        Self::System(role)
    }
}
