//! What can be done with roles.

use std::collections::BTreeSet;

use adapter_web::{ContextExt, CursorText, failed, refused};
use application::{
    Committed,
    role::{AssignRole, CreateRole, DeleteRole, RevokeRole, UpdateRole, written_row},
};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::role::{self, RoleError};

use super::types::{Role, role_id};
use crate::{
    terms::{not_found, parse, person, position, terms, version},
    user::UserPayload,
};

#[derive(Default)]
pub(crate) struct RoleMutation;

/// A new role.
#[derive(InputObject)]
struct CreateRoleInput {
    /// 1 to 50 characters, unique in your tenant.
    name: String,
    /// Slugs, as `permissions` lists them. You can only give what you may do yourself.
    permissions: Vec<String>,
}

/// What changes; absent is unchanged.
#[derive(InputObject)]
struct UpdateRoleInput {
    name: Option<String>,
    /// Everything it allows from now on.
    permissions: Option<Vec<String>>,
}

/// The role after the change.
#[derive(SimpleObject)]
struct RolePayload {
    role: Role,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

impl RolePayload {
    fn of(ctx: &Context<'_>, done: &Committed<role::Role>) -> Result<Self> {
        ctx.note_visibility(done.visibility);
        let row = written_row(done).ok_or_else(|| not_found("role"))?;
        Ok(Self { role: Role(row), version: version(done.version), cursor: position(ctx, done.cursor) })
    }
}

fn slugs(slugs: Vec<String>) -> Result<BTreeSet<role::Permission>> {
    let parsed = slugs.into_iter().map(role::Permission::try_from).collect::<Result<_, _>>();
    parsed.map_err(|unknown| refused(RoleError::PermissionUnknown(unknown.0)))
}

#[Object]
impl RoleMutation {
    /// Makes a role of your tenant's own.
    async fn create_role(
        &self,
        ctx: &Context<'_>,
        input: CreateRoleInput,
        idempotency_key: Option<String>,
    ) -> Result<RolePayload> {
        let create = CreateRole { name: parse(input.name)?, permissions: slugs(input.permissions)? };
        let done = ctx.app().send(ctx.caller(), create, terms(idempotency_key, None)).await;
        RolePayload::of(ctx, &done.map_err(failed)?)
    }

    /// Changes a role of your tenant's own: everybody who has it may do the new things, and no longer
    /// the old ones, within a second.
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateRoleInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<RolePayload> {
        let update = UpdateRole {
            id: role_id(&id)?,
            name: input.name.map(parse).transpose()?,
            permissions: input.permissions.map(slugs).transpose()?,
        };
        let done = ctx.app().send(ctx.caller(), update, terms(idempotency_key, expected_version)).await;
        RolePayload::of(ctx, &done.map_err(failed)?)
    }

    /// Removes a role of your tenant's own: nobody may do anything by it any more.
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<RolePayload> {
        let delete = DeleteRole { id: role_id(&id)? };
        let done = ctx.app().send(ctx.caller(), delete, terms(idempotency_key, expected_version)).await;
        RolePayload::of(ctx, &done.map_err(failed)?)
    }

    /// Gives somebody of your tenant a role that allows no more than yours.
    async fn assign_role(
        &self,
        ctx: &Context<'_>,
        user_id: ID,
        role_id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let assign = AssignRole { user: person(&user_id)?, role: self::role_id(&role_id)? };
        let done = ctx.app().send(ctx.caller(), assign, terms(idempotency_key, expected_version)).await;
        Ok(UserPayload::of(ctx, done.map_err(failed)?))
    }

    /// Takes a role away. A tenant keeps at least one active Owner.
    async fn revoke_role(
        &self,
        ctx: &Context<'_>,
        user_id: ID,
        role_id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<UserPayload> {
        let revoke = RevokeRole { user: person(&user_id)?, role: self::role_id(&role_id)? };
        let done = ctx.app().send(ctx.caller(), revoke, terms(idempotency_key, expected_version)).await;
        Ok(UserPayload::of(ctx, done.map_err(failed)?))
    }
}
