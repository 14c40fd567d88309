//! Roles of a tenant's own: a name and what it allows.

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Permission, SystemRole};
use crate::{Claim, Issued, Root, TenantId, Timestamp, shared::hosted_by_cqrs_es};

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 50;
/// The scope in which names are unique, within a tenant.
const NAME: &str = "role.name";

/// A role's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Nobody made it yet.
    #[default]
    Unwritten,
    /// It can be given to people.
    Defined(RoleSheet),
    /// It is gone, and allows nothing to those who still have it.
    Deleted(RoleSheet),
}

/// What a role is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSheet {
    /// Whose it is.
    pub tenant: TenantId,
    /// What people read.
    pub name: RoleName,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A name that people read: trimmed, not blank, at most [`NAME_CHARS_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleName(String);

impl RoleName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RoleName {
    type Error = RoleError;
    fn try_from(raw: String) -> Result<Self, RoleError> {
        let name = raw.trim();
        let chars = name.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(RoleError::NameMalformed);
        }
        if SystemRole::ALL.iter().any(|role| role.name().eq_ignore_ascii_case(name)) {
            return Err(RoleError::NameTaken);
        }
        Ok(Self(name.to_owned()))
    }
}

/// Everything that can be asked of a role.
#[derive(Debug, Clone)]
pub enum RoleCommand {
    /// Make it.
    Define(DefineRole),
    /// Change what is given.
    Update(UpdateRole),
    /// Remove it.
    Delete,
}

/// Makes a role.
#[derive(Debug, Clone)]
pub struct DefineRole {
    /// Whose it is.
    pub tenant: TenantId,
    /// What people read.
    pub name: RoleName,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
}

/// Changes what is `Some`.
#[derive(Debug, Clone, Default)]
pub struct UpdateRole {
    /// Another name.
    pub name: Option<RoleName>,
    /// Everything it allows from now on.
    pub permissions: Option<BTreeSet<Permission>>,
}

/// What happened to a role. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum RoleEvent {
    /// It was made.
    #[serde(rename = "role.defined")]
    Defined { tenant: TenantId, name: RoleName, permissions: BTreeSet<Permission>, at: Timestamp },
    /// It has another name.
    #[serde(rename = "role.renamed")]
    Renamed { name: RoleName, at: Timestamp },
    /// It allows other things.
    #[serde(rename = "role.permissions_changed")]
    PermissionsChanged { permissions: BTreeSet<Permission>, at: Timestamp },
    /// It is gone.
    #[serde(rename = "role.deleted")]
    Deleted { at: Timestamp },
}

impl DomainEvent for RoleEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Defined { .. } => "role.defined",
            Self::Renamed { .. } => "role.renamed",
            Self::PermissionsChanged { .. } => "role.permissions_changed",
            Self::Deleted { .. } => "role.deleted",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a role refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoleError {
    /// No such role in this tenant.
    #[error("role not found")]
    NotFound,
    /// The id is in use.
    #[error("this role exists already")]
    AlreadyDefined,
    /// Another role of the tenant has the name.
    #[error("a role with this name exists already")]
    NameTaken,
    /// Not a name.
    #[error("name must have 1 to {NAME_CHARS_MAX} printable characters")]
    NameMalformed,
    /// Owner, Admin, Member and Viewer are the same everywhere.
    #[error("this role is not editable")]
    NotEditable,
    /// Not a permission.
    #[error("there is no permission called {0}")]
    PermissionUnknown(String),
}

impl Role {
    /// What it is, while it can be given to people.
    pub fn defined(&self) -> Option<&RoleSheet> {
        match self {
            Self::Defined(sheet) => Some(sheet),
            Self::Unwritten | Self::Deleted(_) => None,
        }
    }

    /// What it is or was.
    pub fn sheet(&self) -> Option<&RoleSheet> {
        match self {
            Self::Unwritten => None,
            Self::Defined(sheet) | Self::Deleted(sheet) => Some(sheet),
        }
    }

    fn define(&self, define: DefineRole, at: Timestamp) -> Result<Vec<RoleEvent>, RoleError> {
        match self {
            Self::Unwritten => {
                let DefineRole { tenant, name, permissions } = define;
                Ok(vec![RoleEvent::Defined { tenant, name, permissions, at }])
            }
            Self::Defined(_) | Self::Deleted(_) => Err(RoleError::AlreadyDefined),
        }
    }

    fn update(&self, update: UpdateRole, at: Timestamp) -> Result<Vec<RoleEvent>, RoleError> {
        let sheet = self.defined().ok_or(RoleError::NotFound)?;
        let mut events = Vec::new();
        if let Some(name) = update.name.filter(|name| *name != sheet.name) {
            events.push(RoleEvent::Renamed { name, at });
        }
        if let Some(permissions) = update.permissions.filter(|it| *it != sheet.permissions) {
            events.push(RoleEvent::PermissionsChanged { permissions, at });
        }
        Ok(events)
    }

    fn delete(&self, at: Timestamp) -> Result<Vec<RoleEvent>, RoleError> {
        match self {
            Self::Unwritten => Err(RoleError::NotFound),
            Self::Defined(_) => Ok(vec![RoleEvent::Deleted { at }]),
            Self::Deleted(_) => Ok(Vec::new()),
        }
    }
}

impl Root for Role {
    type Intent = RoleCommand;
    type Refusal = RoleError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<RoleCommand>) -> Result<Vec<RoleEvent>, RoleError> {
        let Issued { command, at, .. } = issued;
        match command {
            RoleCommand::Define(define) => self.define(define, at),
            RoleCommand::Update(update) => self.update(update, at),
            RoleCommand::Delete => self.delete(at),
        }
    }

    fn evolve(&mut self, event: RoleEvent) {
        match (&mut *self, event) {
            (_, RoleEvent::Defined { tenant, name, permissions, at }) => {
                *self = Self::Defined(RoleSheet { tenant, name, permissions, created_at: at });
            }
            (Self::Defined(sheet), RoleEvent::Renamed { name, .. }) => sheet.name = name,
            (Self::Defined(sheet), RoleEvent::PermissionsChanged { permissions, .. }) => {
                sheet.permissions = permissions;
            }
            (Self::Defined(sheet), RoleEvent::Deleted { .. }) => *self = Self::Deleted(sheet.clone()),
            // Such a stream cannot be written; reading it changes nothing.
            (
                Self::Unwritten | Self::Deleted(_),
                RoleEvent::Renamed { .. } | RoleEvent::PermissionsChanged { .. } | RoleEvent::Deleted { .. },
            ) => {}
        }
    }

    fn claims(&self) -> Vec<Claim> {
        let name = |sheet: &RoleSheet| format!("{}/{}", sheet.tenant, sheet.name.as_str().to_lowercase());
        self.defined().map(|sheet| Claim::new(NAME, name(sheet))).into_iter().collect()
    }

    fn taken(_: &Claim) -> RoleError {
        RoleError::NameTaken
    }
}

hosted_by_cqrs_es!(Role, RoleCommand, RoleEvent, RoleError, "role");
