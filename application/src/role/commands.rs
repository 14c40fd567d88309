//! What can be done with roles of a tenant's own.

use std::collections::BTreeSet;

use domain::{
    RoleId, StreamId,
    role::{self, DefineRole, Permission, Role, RoleCommand, RoleError, RoleName, RoleRef},
};
use serde::Serialize;

use super::RoleRow;
use crate::{
    Access, App, Caller, Code, Command, Committed, Failure, Handle, Member, Order, Outcome, Refusal, Terms,
    order::idempotency, ports::ReadModel,
};

macro_rules! role_command {
    ($command:ident, $name:literal) => {
        impl Command for $command {
            type Output = Committed<Role>;
            type Rejection = RoleError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Needs(&[Permission::ManageRoles]);
            const SHOWN_IN: &'static [ReadModel] = &[ReadModel::RoleList];
        }
    };
}

/// Makes a role.
#[derive(Debug, Clone, Serialize)]
pub struct CreateRole {
    /// What people read.
    pub name: RoleName,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
}
role_command!(CreateRole, "role.create");

/// Changes what is `Some`.
#[derive(Debug, Clone, Serialize)]
pub struct UpdateRole {
    /// Which.
    pub id: RoleRef,
    /// Another name.
    pub name: Option<RoleName>,
    /// Everything it allows from now on.
    pub permissions: Option<BTreeSet<Permission>>,
}
role_command!(UpdateRole, "role.update");

/// Removes a role; people who have it lose what it allowed.
#[derive(Debug, Clone, Serialize)]
pub struct DeleteRole {
    /// Which.
    pub id: RoleRef,
}
role_command!(DeleteRole, "role.delete");

impl Handle<CreateRole> for App {
    async fn handle(&self, caller: &Caller, create: CreateRole, terms: Terms) -> Outcome<CreateRole> {
        let tenant = caller.signed_in::<RoleError>()?.tenant;
        may_give(caller, &create.permissions)?;
        let key = idempotency(caller, CreateRole::NAME, &create, &terms);
        let CreateRole { name, permissions } = create;
        let intent = RoleCommand::Define(DefineRole { tenant, name, permissions });
        let stream = StreamId::within(tenant, self.entropy.id());
        let at = self.clock.now();
        let order = Order { stream, intent, caller, name: CreateRole::NAME, terms: &terms, key, at };
        self.roles.execute_fresh(order).await
    }
}

impl Handle<UpdateRole> for App {
    async fn handle(&self, caller: &Caller, update: UpdateRole, terms: Terms) -> Outcome<UpdateRole> {
        if let Some(permissions) = &update.permissions {
            may_give(caller, permissions)?;
        }
        let UpdateRole { id, name, permissions } = update.clone();
        let intent = RoleCommand::Update(role::UpdateRole { name, permissions });
        self.change_role(caller, id, intent, &update, &terms).await
    }
}

impl Handle<DeleteRole> for App {
    async fn handle(&self, caller: &Caller, delete: DeleteRole, terms: Terms) -> Outcome<DeleteRole> {
        self.change_role(caller, delete.id, RoleCommand::Delete, &delete, &terms).await
    }
}

impl App {
    async fn change_role<C: Command>(
        &self,
        caller: &Caller,
        id: RoleRef,
        intent: RoleCommand,
        body: &C,
        terms: &Terms,
    ) -> Result<Committed<Role>, Failure<RoleError>> {
        let member: Member = caller.signed_in()?;
        let RoleRef::Custom(RoleId(id)) = id else { return Err(Failure::Rejected(RoleError::NotEditable)) };
        let stream = StreamId::within(member.tenant, id);
        let (_, state) = self.roles.load(&stream).await?;
        // A role that allows more than its editor may is beyond the editor's reach.
        if let Some(sheet) = state.defined() {
            may_give(caller, &sheet.permissions)?;
        }
        let key = idempotency(caller, C::NAME, body, terms);
        let order = Order { stream, intent, caller, name: C::NAME, terms, key, at: self.clock.now() };
        self.roles.execute(order).await
    }
}

/// Nobody gives what they do not have.
pub(crate) fn may_give<'a, R: std::error::Error + 'static>(
    caller: &Caller,
    permissions: impl IntoIterator<Item = &'a Permission>,
) -> Result<(), Failure<R>> {
    let needed: Vec<Permission> = permissions.into_iter().copied().collect();
    let missing = caller.lacks(&needed);
    if missing.is_empty() { Ok(()) } else { Err(Failure::Forbidden(missing)) }
}

/// The row of a role as a command left it.
pub fn written_row(done: &Committed<Role>) -> Option<RoleRow> {
    let sheet = done.state.sheet()?;
    Some(RoleRow {
        id: RoleRef::Custom(RoleId(done.stream.own()?)),
        name: sheet.name.as_str().to_owned(),
        permissions: sheet.permissions.iter().copied().collect(),
    })
}

impl Refusal for RoleError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyDefined | Self::NameTaken => Code::AlreadyExists,
            Self::NameMalformed | Self::PermissionUnknown(_) => Code::ValidationFailed,
            Self::NotEditable => Code::Forbidden,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NameMalformed | Self::NameTaken => Some("name"),
            Self::PermissionUnknown(_) => Some("permissions"),
            Self::NotFound | Self::AlreadyDefined | Self::NotEditable => None,
        }
    }
}
