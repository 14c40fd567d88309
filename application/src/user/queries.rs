//! What can be asked about people, and the read model that answers.

use async_trait::async_trait;
use domain::{
    TenantId, Timestamp, UserId,
    role::{Permission, SystemRole},
};

use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Direction, Failure, Filter, Page, PageRequest, Query,
    Test, ports::ReadModel,
};

/// A tenant as its people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Which.
    pub id: TenantId,
    /// What people read.
    pub name: String,
    /// What addresses it.
    pub slug: String,
    /// Whether its people may come in.
    pub active: bool,
}

/// Whether a person may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonStatus {
    /// The e-mail address is not verified yet, or the invitation not followed.
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
    /// Username; empty for somebody who did not follow the invitation yet.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// Whether the person may sign in.
    pub status: PersonStatus,
    /// The names of the person's roles.
    pub roles: Vec<String>,
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
    /// A page of the tenant's people.
    async fn page(
        &self,
        tenant: TenantId,
        request: &PageRequest<PersonFilter, PersonSort>,
    ) -> Result<Page<PersonRow>, BoxError>;
    /// How many of them pass.
    async fn count(&self, tenant: TenantId, filter: &PersonFilter) -> Result<i64, BoxError>;
    /// Those who are active and have a role.
    async fn active_with_role(&self, tenant: TenantId, role: SystemRole) -> Result<Vec<UserId>, BoxError>;
}

/// A test of one field of a person.
#[derive(Debug, Clone, PartialEq)]
pub enum PersonField {
    /// `id`
    Id(Test<UserId>),
    /// `fullname`
    Fullname(Test<String>),
    /// `username`
    Username(Test<String>),
    /// `email`
    Email(Test<String>),
    /// `status`
    Status(Test<PersonStatus>),
    /// `createdAt`
    CreatedAt(Test<Timestamp>),
}

/// Which people.
pub type PersonFilter = Filter<PersonField>;

/// In which order; the id decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonSort {
    /// By when they registered or were invited.
    CreatedAt(Direction),
    /// By full name.
    Fullname(Direction),
    /// By username.
    Username(Direction),
    /// By e-mail address.
    Email(Direction),
}

/// The people of the caller's tenant.
#[derive(Debug, Clone)]
pub struct ListPeople {
    /// Which of them.
    pub request: PageRequest<PersonFilter, PersonSort>,
}

impl Query for ListPeople {
    type Answer = Page<PersonRow>;
    const NAME: &'static str = "user.list";
    const ACCESS: Access = Access::Needs(&[Permission::ManageUsers]);
    const READS: &'static [ReadModel] = &[ReadModel::People];
}

impl Answer<ListPeople> for App {
    async fn answer(&self, caller: &Caller, query: ListPeople) -> Answered<ListPeople> {
        let tenant = caller.signed_in()?.tenant;
        self.people.page(tenant, &query.request).await.map_err(Failure::Unavailable)
    }
}

/// How many people of the caller's tenant pass a filter.
#[derive(Debug, Clone)]
pub struct CountPeople {
    /// Which.
    pub filter: PersonFilter,
}

impl Query for CountPeople {
    type Answer = i64;
    const NAME: &'static str = "user.count";
    const ACCESS: Access = Access::Needs(&[Permission::ManageUsers]);
    const READS: &'static [ReadModel] = &[ReadModel::People];
}

impl Answer<CountPeople> for App {
    async fn answer(&self, caller: &Caller, query: CountPeople) -> Answered<CountPeople> {
        let tenant = caller.signed_in()?.tenant;
        self.people.count(tenant, &query.filter).await.map_err(Failure::Unavailable)
    }
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
