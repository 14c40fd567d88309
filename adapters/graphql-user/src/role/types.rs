//! Roles as GraphQL shows them.

use adapter_web::refused;
use application::role::RoleRow;
use async_graphql::{ID, Object, Result, SimpleObject};
use domain::role::{self, RoleError, RoleRef};

/// What people may do, by a name.
pub(crate) struct Role(pub(crate) RoleRow);

#[Object]
impl Role {
    /// The name of a role that every tenant has, or the id of one of your tenant's own.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether your tenant may change it. Owner, Admin, Member and Viewer are the same everywhere.
    async fn editable(&self) -> bool {
        self.0.is_editable()
    }

    /// The slugs of what it allows.
    async fn permissions(&self) -> Vec<&'static str> {
        self.0.permissions.iter().map(|permission| permission.slug()).collect()
    }
}

/// Something that people may be allowed to do.
#[derive(SimpleObject)]
pub(crate) struct Permission {
    slug: &'static str,
    module: &'static str,
}

impl From<role::Permission> for Permission {
    fn from(permission: role::Permission) -> Self {
        Self { slug: permission.slug(), module: permission.module() }
    }
}

/// A role by its name or id. What is neither is no role of anybody.
pub(crate) fn role_id(id: &str) -> Result<RoleRef> {
    id.parse().map_err(|_| refused(RoleError::NotFound))
}
