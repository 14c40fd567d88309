//! Who has which role.

use domain::{
    StreamId, UserId,
    role::{Permission, RoleError, RoleRef, SystemRole},
    user::{User, UserCommand, UserError},
};
use serde::Serialize;

use super::commands::may_give;
use crate::{
    Access, App, Caller, Command, Committed, Failure, Handle, Member, Order, Outcome, Terms,
    order::idempotency, ports::ReadModel, user::PersonChanged,
};

/// What to make of a role that is not there, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It cannot be given.
    Refused,
    /// It allows nothing, and can be taken away.
    Ignored,
}

/// Gives a person of one's own tenant a role.
#[derive(Debug, Clone, Serialize)]
pub struct AssignRole {
    /// Whom.
    pub user: UserId,
    /// Which.
    pub role: RoleRef,
}

/// Takes a role away from a person of one's own tenant.
#[derive(Debug, Clone, Serialize)]
pub struct RevokeRole {
    /// From whom.
    pub user: UserId,
    /// Which.
    pub role: RoleRef,
}

macro_rules! assignment {
    ($command:ident, $name:literal) => {
        impl Command for $command {
            type Output = PersonChanged;
            type Rejection = UserError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Needs(&[Permission::ManageRoles]);
            const SHOWN_IN: &'static [ReadModel] = &[ReadModel::People];
        }
    };
}
assignment!(AssignRole, "role.assign");
assignment!(RevokeRole, "role.revoke");

impl Handle<AssignRole> for App {
    async fn handle(&self, caller: &Caller, assign: AssignRole, terms: Terms) -> Outcome<AssignRole> {
        let me: Member = caller.signed_in()?;
        self.within_reach(caller, me, &[assign.role], Gone::Refused).await?;
        let them = Member { tenant: me.tenant, user: assign.user };
        let done = self.give(caller, them, UserCommand::AssignRole(assign.role), &assign, &terms).await?;
        self.person_changed(done).await
    }
}

impl Handle<RevokeRole> for App {
    async fn handle(&self, caller: &Caller, revoke: RevokeRole, terms: Terms) -> Outcome<RevokeRole> {
        let me: Member = caller.signed_in()?;
        // A role that is gone since can still be taken away.
        self.within_reach(caller, me, &[revoke.role], Gone::Ignored).await?;
        let them = Member { tenant: me.tenant, user: revoke.user };
        let intent = UserCommand::RevokeRole(revoke.role);
        let done = if revoke.role == RoleRef::System(SystemRole::Owner) {
            let key = idempotency(caller, RevokeRole::NAME, &revoke, &terms);
            self.without_owner(caller, them, intent, RevokeRole::NAME, key, &terms).await?
        } else {
            self.give(caller, them, intent, &revoke, &terms).await?
        };
        self.person_changed(done).await
    }
}

impl App {
    /// Roles are given and taken by those who may do all that they allow. A role of another tenant
    /// cannot even be named: its stream begins with that tenant.
    pub(crate) async fn within_reach(
        &self,
        caller: &Caller,
        me: Member,
        roles: &[RoleRef],
        gone: Gone,
    ) -> Result<(), Failure<UserError>> {
        let of_role = |failure: Failure<RoleError>| failure.map(UserError::Role);
        for role in roles {
            if let (RoleRef::Custom(id), Gone::Refused) = (role, gone) {
                let (_, state) =
                    self.roles.load(&StreamId::within(me.tenant, id.0)).await.map_err(of_role)?;
                state.defined().ok_or(Failure::Rejected(UserError::Role(RoleError::NotFound)))?;
            }
        }
        may_give(caller, &self.permissions_of(me, roles).await.map_err(of_role)?)
    }

    async fn give<C: Command>(
        &self,
        caller: &Caller,
        them: Member,
        intent: UserCommand,
        body: &C,
        terms: &Terms,
    ) -> Result<Committed<User>, Failure<UserError>> {
        let stream = StreamId::within(them.tenant, them.user.0);
        let key = idempotency(caller, C::NAME, body, terms);
        let order = Order { stream, intent, caller, name: C::NAME, terms, key, at: self.clock.now() };
        self.users.execute(order).await
    }
}
