//! Keeping people out of a tenant, and letting them in again.

use domain::{
    Issued, Root, StreamId, TenantId, UserId,
    operator::OperatorRole,
    role::{Permission, RoleRef, SystemRole},
    tenant::{Tenant, TenantCommand},
    user::{Standing, User, UserCommand, UserError},
};
use serde::Serialize;

use super::{PersonChanged, commands::user_command};
use crate::{
    Access, Aggregates, App, COMMAND_ATTEMPTS_MAX, Caller, Command, Committed, Failure, Handle, Member,
    Order, Outcome, Terms,
    aggregates::Decision,
    order::{idempotency, metadata},
    ports::{AppendError, IdempotencyKey, Unit},
    role::Gone,
};

/// Keeps a person of one's own tenant out: all sessions end. An invitation is withdrawn.
#[derive(Debug, Clone, Serialize)]
pub struct SuspendUser {
    /// Whom.
    pub user: UserId,
}

/// Lets a person of one's own tenant in again.
#[derive(Debug, Clone, Serialize)]
pub struct ReinstateUser {
    /// Whom.
    pub user: UserId,
}

/// Keeps a person of any tenant out, for operators. They may take the last Owner, too.
#[derive(Debug, Clone, Serialize)]
pub struct SuspendUserOfTenant {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Whom.
    pub user: UserId,
}

/// Lets a person of any tenant in again, for operators.
#[derive(Debug, Clone, Serialize)]
pub struct ReinstateUserOfTenant {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Whom.
    pub user: UserId,
}

const OWNER: RoleRef = RoleRef::System(SystemRole::Owner);

const MANAGE: Access = Access::Needs(&[Permission::ManageUsers]);
const OPERATE: Access = Access::Operator(OperatorRole::Operations);
user_command!(SuspendUser -> PersonChanged, "user.suspend", MANAGE, [People]);
user_command!(ReinstateUser -> PersonChanged, "user.reinstate", MANAGE, [People]);
user_command!(SuspendUserOfTenant -> PersonChanged, "user.suspend_of_tenant", OPERATE, [People]);
user_command!(ReinstateUserOfTenant -> PersonChanged, "user.reinstate_of_tenant", OPERATE, [People]);

impl Handle<SuspendUser> for App {
    async fn handle(&self, caller: &Caller, suspend: SuspendUser, terms: Terms) -> Outcome<SuspendUser> {
        let me: Member = caller.signed_in()?;
        if suspend.user == me.user {
            return Err(Failure::Rejected(UserError::OwnSuspension));
        }
        let them = Member { tenant: me.tenant, user: suspend.user };
        let roles = self.roles_within_reach(caller, them).await?;
        let key = idempotency(caller, SuspendUser::NAME, &suspend, &terms);
        let done = if roles.contains(&OWNER) {
            self.without_owner(caller, them, UserCommand::Suspend, SuspendUser::NAME, key, &terms).await?
        } else {
            self.change_other(caller, them, UserCommand::Suspend, SuspendUser::NAME, key, &terms).await?
        };
        self.person_changed(done).await
    }
}

impl Handle<ReinstateUser> for App {
    async fn handle(
        &self,
        caller: &Caller,
        reinstate: ReinstateUser,
        terms: Terms,
    ) -> Outcome<ReinstateUser> {
        let me: Member = caller.signed_in()?;
        let them = Member { tenant: me.tenant, user: reinstate.user };
        self.roles_within_reach(caller, them).await?;
        let key = idempotency(caller, ReinstateUser::NAME, &reinstate, &terms);
        let intent = UserCommand::Reinstate;
        let done = self.change_other(caller, them, intent, ReinstateUser::NAME, key, &terms).await?;
        self.person_changed(done).await
    }
}

impl Handle<SuspendUserOfTenant> for App {
    async fn handle(
        &self,
        caller: &Caller,
        suspend: SuspendUserOfTenant,
        terms: Terms,
    ) -> Outcome<SuspendUserOfTenant> {
        let them = Member { tenant: suspend.tenant, user: suspend.user };
        let (name, intent) = (SuspendUserOfTenant::NAME, UserCommand::Suspend);
        let key = idempotency(caller, name, &suspend, &terms);
        self.person_changed(self.change_other(caller, them, intent, name, key, &terms).await?).await
    }
}

impl Handle<ReinstateUserOfTenant> for App {
    async fn handle(
        &self,
        caller: &Caller,
        reinstate: ReinstateUserOfTenant,
        terms: Terms,
    ) -> Outcome<ReinstateUserOfTenant> {
        let them = Member { tenant: reinstate.tenant, user: reinstate.user };
        let (name, intent) = (ReinstateUserOfTenant::NAME, UserCommand::Reinstate);
        let key = idempotency(caller, name, &reinstate, &terms);
        self.person_changed(self.change_other(caller, them, intent, name, key, &terms).await?).await
    }
}

impl App {
    /// The roles of a person whom the caller may keep out: whoever may do more is beyond reach.
    async fn roles_within_reach(
        &self,
        caller: &Caller,
        them: Member,
    ) -> Result<Vec<RoleRef>, Failure<UserError>> {
        let (_, state) = self.users.load(&StreamId::within(them.tenant, them.user.0)).await?;
        let roles = match &*state {
            User::Unwritten | User::Erased => return Err(Failure::Rejected(UserError::NotFound)),
            User::Registered(account) => account.roles.clone(),
            User::Invited(invitation) => invitation.roles.clone(),
        };
        self.within_reach(caller, caller.signed_in()?, &roles, Gone::Ignored).await?;
        Ok(roles)
    }

    async fn change_other(
        &self,
        caller: &Caller,
        them: Member,
        intent: UserCommand,
        name: &'static str,
        key: Option<IdempotencyKey>,
        terms: &Terms,
    ) -> Result<Committed<User>, Failure<UserError>> {
        let stream = StreamId::within(them.tenant, them.user.0);
        let order = Order { stream, intent, caller, name, terms, key, at: self.clock.now() };
        self.users.execute(order).await
    }

    /// Does to an Owner what makes the person no active Owner any more, if another one is left.
    ///
    /// That another one is left is no fact of the person's own stream. So the tenant's stream is
    /// the fence: it is read first, and gets an event in the same unit. Of two Owners who are
    /// taken away at once, the second finds the tenant changed, and looks again.
    pub(crate) async fn without_owner(
        &self,
        caller: &Caller,
        them: Member,
        intent: UserCommand,
        name: &'static str,
        key: Option<IdempotencyKey>,
        terms: &Terms,
    ) -> Result<Committed<User>, Failure<UserError>> {
        for attempt in 1..=COMMAND_ATTEMPTS_MAX {
            let unit = self.owner_away(caller, them, &intent, terms).await?;
            let Some((person, fence)) = unit else {
                // What is asked for holds already.
                return self.change_other(caller, them, intent, name, key, terms).await;
            };
            let appends = vec![person.append.clone(), fence.append.clone()];
            let metadata = metadata(caller, name).map_err(Failure::Internal)?;
            match self.log.append(Unit { appends, key: key.clone(), metadata }).await {
                Ok(appended) => {
                    self.tenants.committed(fence, None, appended.cursor);
                    return Ok(self.users.committed(person, None, appended.cursor));
                }
                Err(AppendError::Duplicate(receipt)) => return self.users.as_received(receipt).await,
                Err(AppendError::Conflict) if attempt < COMMAND_ATTEMPTS_MAX => {}
                Err(error) => return Err(Aggregates::<User>::refused(error)),
            }
        }
        Err(Failure::Conflict { current_version: 0 })
    }

    /// Both halves of the unit; `None` when nothing is to happen.
    async fn owner_away(
        &self,
        caller: &Caller,
        them: Member,
        intent: &UserCommand,
        terms: &Terms,
    ) -> Result<Option<(Decision<User>, Decision<Tenant>)>, Failure<UserError>> {
        let of_tenant = |failure: Failure<domain::tenant::TenantError>| failure.map(UserError::Tenant);
        let (by, at) = (caller.actor, self.clock.now());
        let house = StreamId::global(them.tenant.0);
        let (house_version, tenant) = self.tenants.load(&house).await.map_err(of_tenant)?;
        let stream = StreamId::within(them.tenant, them.user.0);
        let (version, state) = self.users.load(&stream).await?;
        if terms.expected_version.is_some_and(|expected| expected != version) {
            return Err(Failure::Conflict { current_version: version });
        }
        let events = state.decide(Issued { command: intent.clone(), by, at }).map_err(Failure::Rejected)?;
        if events.is_empty() {
            return Ok(None);
        }
        if is_active_owner(&state) && !self.another_owner(them).await? {
            return Err(Failure::Rejected(UserError::LastOwner));
        }
        let retire = TenantCommand::RetireOwner { user: them.user };
        let retired = tenant.decide(Issued { command: retire, by, at });
        let retired = retired.map_err(|refusal| Failure::Rejected(UserError::Tenant(refusal)))?;
        let person = Aggregates::<User>::prepare(stream, version, state, events);
        let fence = Aggregates::<Tenant>::prepare(house, house_version, tenant, retired);
        Ok(Some((person.map_err(Failure::Internal)?, fence.map_err(Failure::Internal)?)))
    }

    /// Whether the tenant has another active Owner. The read model says who may be one, the
    /// streams who is.
    async fn another_owner(&self, them: Member) -> Result<bool, Failure<UserError>> {
        let candidates = self.people.active_with_role(them.tenant, SystemRole::Owner).await;
        for user in candidates.map_err(Failure::Unavailable)? {
            if user == them.user {
                continue;
            }
            let (_, state) = self.users.load(&StreamId::within(them.tenant, user.0)).await?;
            if is_active_owner(&state) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_active_owner(state: &User) -> bool {
    state
        .account()
        .is_some_and(|account| account.standing == Standing::Active && account.roles.contains(&OWNER))
}
