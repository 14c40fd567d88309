//! A person as answers show one, from the state after a command: no read model is needed.

use domain::{
    Sealed, StreamId, TenantId, Timestamp, UserId,
    role::RoleRef,
    tenant::{Naming, Tenant},
    user::{Standing, User, UserError},
};
use uuid::Uuid;

use super::{PersonChanged, PersonRow, PersonStatus, TenantRow, sealed};
use crate::{App, Committed, Failure};

/// What is shown of a person whose key is gone.
const ERASED: &str = "erased";

/// What the states of a person have in common.
struct Seen<'a> {
    tenant: TenantId,
    fullname: &'a Sealed,
    username: Option<&'a Sealed>,
    email: &'a Sealed,
    status: PersonStatus,
    roles: &'a [RoleRef],
    referral_code: &'a str,
    created_at: Timestamp,
}

impl App {
    /// The person after a command.
    pub(crate) async fn person_changed(
        &self,
        done: Committed<User>,
    ) -> Result<PersonChanged, Failure<UserError>> {
        let person = self.person_row(&done.stream, &done.state).await?;
        Ok(PersonChanged { person, version: done.version, cursor: done.cursor, visibility: done.visibility })
    }

    async fn person_row(&self, stream: &StreamId, state: &User) -> Result<PersonRow, Failure<UserError>> {
        let not_found = || Failure::Rejected(UserError::NotFound);
        let id = stream.own().ok_or_else(not_found)?;
        let seen = seen(state).ok_or_else(not_found)?;
        Ok(PersonRow {
            id: UserId(id),
            tenant: self.tenant_row(seen.tenant).await?,
            fullname: self.opened(id, "fullname", seen.fullname).await?,
            username: match seen.username {
                Some(username) => self.opened(id, "username", username).await?,
                None => String::new(),
            },
            email: self.opened(id, "email", seen.email).await?,
            status: seen.status,
            roles: self.role_names(seen.tenant, seen.roles).await?,
            referral_code: seen.referral_code.to_owned(),
            created_at: seen.created_at,
        })
    }

    /// What people read of these roles; those that are gone are left out.
    async fn role_names(
        &self,
        tenant: TenantId,
        roles: &[RoleRef],
    ) -> Result<Vec<String>, Failure<UserError>> {
        let mut names = Vec::with_capacity(roles.len());
        for role in roles {
            match role {
                RoleRef::System(role) => names.push(role.name().to_owned()),
                RoleRef::Custom(id) => {
                    let loaded = self.roles.load(&StreamId::within(tenant, id.0)).await;
                    let (_, role) = loaded.map_err(|failure| failure.map(UserError::Role))?;
                    names.extend(role.defined().map(|sheet| sheet.name.as_str().to_owned()));
                }
            }
        }
        Ok(names)
    }

    async fn tenant_row(&self, id: TenantId) -> Result<TenantRow, Failure<UserError>> {
        let loaded = self.tenants.load(&StreamId::global(id.0)).await;
        let (_, tenant) = loaded.map_err(|failure| failure.map(UserError::Tenant))?;
        let active = matches!(*tenant, Tenant::Active { .. });
        let Some((naming, slug)) = tenant.names() else {
            return Ok(TenantRow { id, name: String::new(), slug: String::new(), active });
        };
        let name = match naming {
            Naming::Given(name) => name.as_str().to_owned(),
            Naming::After(user) => {
                let (_, after) = self.users.load_cached(&StreamId::within(id, user.0)).await?;
                match after.account() {
                    Some(account) => self.opened(user.0, "fullname", &account.fullname).await?,
                    None => String::new(),
                }
            }
        };
        Ok(TenantRow { id, name, slug: slug.as_str().to_owned(), active })
    }

    async fn opened(
        &self,
        subject: Uuid,
        field: &'static str,
        value: &Sealed,
    ) -> Result<String, Failure<UserError>> {
        let clear = self.vault.open(subject, field, value).await.map_err(sealed)?;
        Ok(clear.unwrap_or_else(|| ERASED.to_owned()))
    }
}

fn seen(state: &User) -> Option<Seen<'_>> {
    match state {
        User::Unwritten | User::Erased => None,
        User::Registered(account) => Some(Seen {
            tenant: account.tenant,
            fullname: &account.fullname,
            username: Some(&account.username),
            email: &account.email,
            status: match account.standing {
                Standing::Inactive { .. } => PersonStatus::Inactive,
                Standing::Active => PersonStatus::Active,
                Standing::Suspended { .. } => PersonStatus::Suspended,
            },
            roles: &account.roles,
            referral_code: &account.referral_code,
            created_at: account.created_at,
        }),
        User::Invited(invitation) => Some(Seen {
            tenant: invitation.tenant,
            fullname: &invitation.fullname,
            username: None,
            email: &invitation.email,
            status: match invitation.pending {
                Some(_) => PersonStatus::Inactive,
                None => PersonStatus::Suspended,
            },
            roles: &invitation.roles,
            referral_code: "",
            created_at: invitation.created_at,
        }),
    }
}
