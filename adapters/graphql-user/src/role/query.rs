//! What can be asked about roles.

use adapter_web::{ContextExt, failed};
use application::role::{ListPermissions, ListRoles};
use async_graphql::{Context, Object, Result};

use super::types::{Permission, Role};

#[derive(Default)]
pub(crate) struct RoleQuery;

#[Object]
impl RoleQuery {
    /// Every role of your tenant, those that all tenants have first.
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        let rows = ctx.app().ask(ctx.caller(), ListRoles, ctx.after()).await.map_err(failed)?;
        Ok(rows.into_iter().map(Role).collect())
    }

    /// Everything that a role can allow.
    async fn permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        let all = ctx.app().ask(ctx.caller(), ListPermissions, ctx.after()).await.map_err(failed)?;
        Ok(all.iter().copied().map(Permission::from).collect())
    }
}
