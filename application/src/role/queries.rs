//! What can be asked about roles, and the read model that answers for a tenant's own.

use async_trait::async_trait;
use domain::{
    RoleId, TenantId,
    role::{Permission, RoleRef, SystemRole},
};

use crate::{Access, Answer, Answered, App, BoxError, Caller, Failure, Query, ports::ReadModel};

/// A role as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// Which.
    pub id: RoleRef,
    /// What people read.
    pub name: String,
    /// What it allows.
    pub permissions: Vec<Permission>,
}

impl RoleRow {
    /// Whether the tenant may change it.
    pub fn is_editable(&self) -> bool {
        matches!(self.id, RoleRef::Custom(_))
    }
}

impl From<SystemRole> for RoleRow {
    fn from(role: SystemRole) -> Self {
        Self { id: role.into(), name: role.name().to_owned(), permissions: role.permissions().to_vec() }
    }
}

/// The read model of tenants' own roles. Nothing in it is asked without a tenant.
#[async_trait]
pub trait RoleList: Send + Sync + 'static {
    /// All of a tenant, oldest first.
    async fn all(&self, tenant: TenantId) -> Result<Vec<RoleRow>, BoxError>;
    /// Those of these ids that exist.
    async fn by_ids(&self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<RoleRow>, BoxError>;
}

/// Who gives roles has to see them: by an invitation, or by an assignment.
const GIVES_ROLES: Access = Access::NeedsOne(&[Permission::ManageUsers, Permission::ManageRoles]);

/// Every role of the caller's tenant, the seeded ones first.
#[derive(Debug, Clone)]
pub struct ListRoles;

impl Query for ListRoles {
    type Answer = Vec<RoleRow>;
    const NAME: &'static str = "role.list";
    const ACCESS: Access = GIVES_ROLES;
    const READS: &'static [ReadModel] = &[ReadModel::RoleList];
}

impl Answer<ListRoles> for App {
    async fn answer(&self, caller: &Caller, ListRoles: ListRoles) -> Answered<ListRoles> {
        let tenant = caller.signed_in()?.tenant;
        let own = self.role_list.all(tenant).await.map_err(Failure::Unavailable)?;
        Ok(SystemRole::ALL.into_iter().map(RoleRow::from).chain(own).collect())
    }
}

/// Every permission there is.
#[derive(Debug, Clone)]
pub struct ListPermissions;

impl Query for ListPermissions {
    type Answer = &'static [Permission];
    const NAME: &'static str = "role.permissions";
    const ACCESS: Access = GIVES_ROLES;
    const READS: &'static [ReadModel] = &[];
}

impl Answer<ListPermissions> for App {
    async fn answer(&self, _: &Caller, ListPermissions: ListPermissions) -> Answered<ListPermissions> {
        Ok(Permission::ALL)
    }
}

/// Roles of the caller's tenant by their ids.
#[derive(Debug, Clone)]
pub struct RolesById {
    /// Which.
    pub ids: Vec<RoleId>,
}

impl Query for RolesById {
    type Answer = Vec<RoleRow>;
    const NAME: &'static str = "role.by_ids";
    const ACCESS: Access = Access::SignedIn;
    const READS: &'static [ReadModel] = &[ReadModel::RoleList];
}

impl Answer<RolesById> for App {
    async fn answer(&self, caller: &Caller, query: RolesById) -> Answered<RolesById> {
        let tenant = caller.signed_in()?.tenant;
        self.role_list.by_ids(tenant, &query.ids).await.map_err(Failure::Unavailable)
    }
}
