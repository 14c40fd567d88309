//! What can be asked about people, and the read model that answers.

use async_trait::async_trait;
use domain::{TenantId, Timestamp, UserId, role::SystemRole};

use crate::{Access, Answer, Answered, App, BoxError, Caller, Failure, Query, ports::ReadModel};

/// A tenant as its people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Which.
    pub id: TenantId,
    /// What people read.
    pub name: String,
    /// What addresses it.
    pub slug: String,
}

/// Whether a person may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonStatus {
    /// The e-mail address is not verified yet.
    Inactive,
    /// May sign in.
    Active,
    /// May not.
    Suspended,
}

/// A person as lists show one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Who.
    pub id: UserId,
    /// In which tenant.
    pub tenant: TenantRow,
    /// Full name.
    pub fullname: String,
    /// Username.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// Whether the person may sign in.
    pub status: PersonStatus,
    /// What the person may do.
    pub roles: Vec<SystemRole>,
    /// What the person gives to friends.
    pub referral_code: String,
    /// When the person registered.
    pub created_at: Timestamp,
}

/// The read model of tenants and their people. Nothing in it is asked without a tenant.
#[async_trait]
pub trait People: Send + Sync + 'static {
    /// Those of these ids that exist in the tenant.
    async fn by_ids(&self, tenant: TenantId, ids: &[UserId]) -> Result<Vec<PersonRow>, BoxError>;
}

/// The person who asks.
#[derive(Debug, Clone)]
pub struct Me;

impl Query for Me {
    type Answer = Option<PersonRow>;
    const NAME: &'static str = "user.me";
    const ACCESS: Access = Access::SignedIn;
    const READS: &'static [ReadModel] = &[ReadModel::People];
}

impl Answer<Me> for App {
    async fn answer(&self, caller: &Caller, Me: Me) -> Answered<Me> {
        let member = caller.signed_in()?;
        let rows = self.people.by_ids(member.tenant, &[member.user]).await.map_err(Failure::Unavailable)?;
        Ok(rows.into_iter().next())
    }
}

/// People of the caller's tenant, by their ids.
#[derive(Debug, Clone)]
pub struct PeopleById {
    /// Whose.
    pub ids: Vec<UserId>,
}

impl Query for PeopleById {
    type Answer = Vec<PersonRow>;
    const NAME: &'static str = "user.by_ids";
    const ACCESS: Access = Access::SignedIn;
    const READS: &'static [ReadModel] = &[ReadModel::People];
}

impl Answer<PeopleById> for App {
    async fn answer(&self, caller: &Caller, query: PeopleById) -> Answered<PeopleById> {
        let tenant = caller.signed_in()?.tenant;
        self.people.by_ids(tenant, &query.ids).await.map_err(Failure::Unavailable)
    }
}
