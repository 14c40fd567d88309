//! What operators ask about tenants and their people, and the read model that answers.

use async_trait::async_trait;
use domain::{TenantId, Timestamp, operator::OperatorRole};

use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Direction, Failure, Filter, Page, PageRequest, Query,
    Test,
    ports::ReadModel,
    user::{PersonFilter, PersonRow, PersonSort},
};

/// A tenant as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantListing {
    /// Which.
    pub id: TenantId,
    /// What people read.
    pub name: String,
    /// What addresses it.
    pub slug: String,
    /// Whether its people may come in.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A test of one field of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub enum TenantField {
    /// `name`
    Name(Test<String>),
    /// `slug`
    Slug(Test<String>),
    /// `active`
    Active(Test<bool>),
}

/// Which tenants.
pub type TenantFilter = Filter<TenantField>;

/// The read model of tenants, across all of them: for operators alone.
#[async_trait]
pub trait TenantList: Send + Sync + 'static {
    /// One of them.
    async fn get(&self, id: TenantId) -> Result<Option<TenantListing>, BoxError>;
    /// A page of them, by when they were made.
    async fn page(
        &self,
        request: &PageRequest<TenantFilter, Direction>,
    ) -> Result<Page<TenantListing>, BoxError>;
    /// How many there are.
    async fn count(&self, filter: &TenantFilter) -> Result<i64, BoxError>;
}

macro_rules! for_operators {
    ($(#[$doc:meta])* $query:ident { $($field:ident: $kind:ty),* } -> $answer:ty, $name:literal,
        noted $noted:expr, about $about:expr,
        |$app:ident, $asked:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $query { $(#[doc = stringify!($field)] pub $field: $kind,)* }

        impl Query for $query {
            type Answer = $answer;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Operator(OperatorRole::Support);
            const READS: &'static [ReadModel] = &[ReadModel::People];
            const NOTED: bool = $noted;
            fn about(&self) -> Option<String> {
                let about: fn(&Self) -> Option<String> = $about;
                about(self)
            }
        }

        impl Answer<$query> for App {
            async fn answer(&self, _: &Caller, $asked: $query) -> Answered<$query> {
                let $app = self;
                $body.await.map_err(Failure::Unavailable)
            }
        }
    };
}

for_operators!(
    /// One tenant.
    GetTenant { id: TenantId } -> Option<TenantListing>, "tenant.get",
    noted true, about |query| Some(query.id.to_string()),
    |app, query| app.tenant_list.get(query.id)
);
for_operators!(
    /// A page of tenants.
    ListTenants { request: PageRequest<TenantFilter, Direction> } -> Page<TenantListing>, "tenant.list",
    noted true, about |_| None,
    |app, query| app.tenant_list.page(&query.request)
);
for_operators!(
    /// How many tenants pass a filter.
    CountTenants { filter: TenantFilter } -> i64, "tenant.count",
    noted false, about |_| None,
    |app, query| app.tenant_list.count(&query.filter)
);
for_operators!(
    /// A page of the people of a tenant.
    PeopleOfTenant { tenant: TenantId, request: PageRequest<PersonFilter, PersonSort> } -> Page<PersonRow>,
    "user.list_of_tenant",
    noted true, about |query| Some(query.tenant.to_string()),
    |app, query| app.people.page(query.tenant, &query.request)
);
for_operators!(
    /// How many people of a tenant pass a filter.
    CountPeopleOfTenant { tenant: TenantId, filter: PersonFilter } -> i64, "user.count_of_tenant",
    noted false, about |query| Some(query.tenant.to_string()),
    |app, query| app.people.count(query.tenant, &query.filter)
);
