//! How people join a tenant that is there already.

use domain::{
    Claim, StreamId, TenantId,
    operator::OperatorRole,
    role::{Permission, RoleRef, SystemRole},
    tenant::TenantError,
    user::{
        self, Acceptance, Email, Fullname, INVITATION, Invite, Password, SecuredToken, UserCommand,
        UserError, Username,
    },
};
use serde::Serialize;

use super::{
    PersonChanged,
    commands::{DRAWS_MAX, itself, seal, sealed, until, user_command},
};
use crate::{
    Access, App, Caller, Command, Failure, Handle, Member, Order, Outcome, Terms,
    aggregates::broken,
    order::idempotency_of,
    ports::{IdempotencyKey, fresh_token, hash_token},
    role::Gone,
};

/// Asks somebody to join the caller's tenant.
#[derive(Debug, Clone)]
pub struct InviteUser {
    /// Where the invitation goes.
    pub email: Email,
    /// Whom it greets.
    pub fullname: Fullname,
    /// What the person will be allowed to do.
    pub roles: Vec<RoleRef>,
}

impl Serialize for InviteUser {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.email.as_str(), self.fullname.as_str(), &self.roles).serialize(serializer)
    }
}

/// Asks somebody to be an Owner of a tenant: the first one of a tenant that operators made, or
/// another one where none is left.
#[derive(Debug, Clone)]
pub struct InviteOwner {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Where the invitation goes.
    pub email: Email,
    /// Whom it greets.
    pub fullname: Fullname,
}

impl Serialize for InviteOwner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.tenant, self.email.as_str(), self.fullname.as_str()).serialize(serializer)
    }
}

/// Follows an invitation.
#[derive(Clone, Serialize)]
pub struct AcceptInvitation {
    /// The token from the mail.
    #[serde(skip)]
    pub token: String,
    /// Username.
    #[serde(skip)]
    pub username: Username,
    /// Password.
    #[serde(skip)]
    pub password: Password,
    /// Full name, when the inviter wrote it wrongly.
    #[serde(skip)]
    pub fullname: Option<Fullname>,
}

user_command!(InviteUser -> PersonChanged, "user.invite", Access::Needs(&[Permission::ManageUsers]), [People]);
user_command!(InviteOwner -> PersonChanged, "user.invite_owner", Access::OperatorConfirmed(OperatorRole::SuperAdmin), [People]);
user_command!(AcceptInvitation -> PersonChanged, "user.accept_invitation", Access::Public, [People, Referrals]);

impl Handle<InviteUser> for App {
    async fn handle(&self, caller: &Caller, invite: InviteUser, terms: Terms) -> Outcome<InviteUser> {
        let me: Member = caller.signed_in()?;
        // Nobody gives what they do not have.
        self.within_reach(caller, me, &invite.roles, Gone::Refused).await?;
        let key = self.personal_key(caller, InviteUser::NAME, &invite, &terms).await?;
        self.invite(caller, me.tenant, invite, InviteUser::NAME, key, &terms).await
    }
}

impl Handle<InviteOwner> for App {
    async fn handle(&self, caller: &Caller, invite: InviteOwner, terms: Terms) -> Outcome<InviteOwner> {
        let InviteOwner { tenant, email, fullname } = &invite;
        let (_, state) = self
            .tenants
            .load(&StreamId::global(tenant.0))
            .await
            .map_err(|failure| failure.map(UserError::Tenant))?;
        state.names().ok_or(Failure::Rejected(UserError::Tenant(TenantError::NotFound)))?;
        let key = self.personal_key(caller, InviteOwner::NAME, &invite, &terms).await?;
        let roles = vec![RoleRef::System(SystemRole::Owner)];
        let asked = InviteUser { email: email.clone(), fullname: fullname.clone(), roles };
        self.invite(caller, *tenant, asked, InviteOwner::NAME, key, &terms).await
    }
}

impl App {
    /// Asks somebody to join a tenant. Whoever has an account anywhere cannot be asked; whoever was
    /// asked already gets another invitation in place of the one before.
    async fn invite(
        &self,
        caller: &Caller,
        tenant: TenantId,
        invite: InviteUser,
        name: &'static str,
        key: Option<IdempotencyKey>,
        terms: &Terms,
    ) -> Result<PersonChanged, Failure<UserError>> {
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.person_changed(self.users.as_received(receipt).await?).await;
        }
        let vault = self.vault.as_ref();
        let index = vault.index(user::EMAIL, invite.email.as_str()).await.map_err(sealed)?;
        let registered = self.log.holder(&Claim::new(user::EMAIL, index.as_str())).await.map_err(broken)?;
        if registered.is_some() {
            return Err(Failure::Rejected(UserError::EmailTaken));
        }
        let invited = self.log.holder(&user::invitee(tenant, &index)).await.map_err(broken)?;
        let stream = invited.unwrap_or_else(|| StreamId::within(tenant, self.entropy.id()));
        let subject = stream.own().ok_or(Failure::Rejected(UserError::NotFound))?;
        let token = fresh_token(self.entropy.as_ref());
        let at = self.clock.now();
        // A key acts for its owner; an operator belongs to no tenant.
        let by = caller.signed_in::<UserError>().ok().map(|me| me.user);
        let intent = UserCommand::Invite(Box::new(Invite {
            tenant,
            by,
            fullname: seal(vault, subject, "fullname", invite.fullname.as_str()).await?,
            email: seal(vault, subject, "email", invite.email.as_str()).await?,
            email_index: index,
            roles: invite.roles,
            invitation: SecuredToken {
                hash: hash_token(&token),
                token: seal(vault, subject, "invitation", &token).await?,
                expires_at: until(at, self.lifetimes.invitation)?,
            },
        }));
        let order = Order { stream, intent, caller, name, terms, key, at };
        self.person_changed(self.users.execute(order).await?).await
    }
}

impl Handle<AcceptInvitation> for App {
    async fn handle(
        &self,
        caller: &Caller,
        accept: AcceptInvitation,
        terms: Terms,
    ) -> Outcome<AcceptInvitation> {
        let token = hash_token(&accept.token);
        let key = idempotency_of(token.as_str(), AcceptInvitation::NAME, &token, &terms);
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.person_changed(self.users.as_received(receipt).await?).await;
        }
        let invalid = || Failure::Rejected(UserError::TokenInvalid);
        let holder = self.log.holder(&Claim::new(INVITATION, token.as_str())).await.map_err(broken)?;
        let stream = holder.ok_or_else(invalid)?;
        let subject = stream.own().ok_or_else(invalid)?;
        let (_, state) = self.users.load(&stream).await?;
        let pending = state.invitation().and_then(|invitation| invitation.pending.as_ref());
        if !pending.is_some_and(|pending| pending.fits(&token, self.clock.now())) {
            return Err(invalid());
        }
        self.tenant_is_open(&stream).await?;
        let hash = self.passwords.hash(accept.password.as_str().to_owned()).await?;
        let vault = self.vault.as_ref();
        let fullname = match &accept.fullname {
            Some(fullname) => Some(seal(vault, subject, "fullname", fullname.as_str()).await?),
            None => None,
        };
        let username = accept.username.as_str();
        let mut acceptance = Acceptance {
            token,
            fullname,
            username: seal(vault, subject, "username", username).await?,
            username_index: vault.index(user::USERNAME, username).await.map_err(sealed)?,
            password: seal(vault, subject, "password", &hash).await?,
            referral_code: self.referral_code(),
        };
        let at = self.clock.now();
        let caller = &itself(caller, &stream, at);
        let mut draws_left = DRAWS_MAX;
        loop {
            draws_left -= 1;
            let order = Order {
                stream: stream.clone(),
                intent: UserCommand::AcceptInvitation(Box::new(acceptance.clone())),
                caller,
                name: AcceptInvitation::NAME,
                terms: &terms,
                key: key.clone(),
                at,
            };
            match self.users.execute(order).await {
                Err(Failure::Rejected(UserError::ReferralCodeTaken)) if draws_left > 0 => {
                    acceptance.referral_code = self.referral_code();
                }
                done => return self.person_changed(done?).await,
            }
        }
    }
}
