//! What can be asked about tags, and the read model that answers.

use async_trait::async_trait;
use domain::{TagId, TenantId, Timestamp};

use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Direction, Failure, Filter, Page, PageRequest, Query,
    Test, ports::ReadModel,
};

/// A tag as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// Which.
    pub id: TagId,
    /// What people read.
    pub name: String,
    /// What addresses it.
    pub slug: String,
    /// How it is drawn.
    pub colour: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// One up per event.
    pub version: i64,
}

/// A test of one field of a tag.
#[derive(Debug, Clone, PartialEq)]
pub enum TagField {
    /// `id`
    Id(Test<TagId>),
    /// `name`
    Name(Test<String>),
    /// `slug`
    Slug(Test<String>),
    /// `createdAt`
    CreatedAt(Test<Timestamp>),
}

/// Which tags.
pub type TagFilter = Filter<TagField>;

/// In which order; the id decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagSort {
    /// By when they were made.
    CreatedAt(Direction),
    /// By name.
    Name(Direction),
    /// By slug.
    Slug(Direction),
}

/// The read model of tags. Nothing in it is asked without a tenant.
#[async_trait]
pub trait TagList: Send + Sync + 'static {
    /// One of them.
    async fn get(&self, tenant: TenantId, id: TagId) -> Result<Option<TagRow>, BoxError>;
    /// Those of these ids that exist.
    async fn by_ids(&self, tenant: TenantId, ids: &[TagId]) -> Result<Vec<TagRow>, BoxError>;
    /// A page of them.
    async fn page(
        &self,
        tenant: TenantId,
        request: &PageRequest<TagFilter, TagSort>,
    ) -> Result<Page<TagRow>, BoxError>;
    /// How many there are.
    async fn count(&self, tenant: TenantId, filter: &TagFilter) -> Result<i64, BoxError>;
}

macro_rules! tag_query {
    ($(#[$doc:meta])* $query:ident { $($field:ident: $kind:ty),* } -> $answer:ty, $name:literal,
     |$app:ident, $tenant:ident, $asked:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $query { $(#[doc = stringify!($field)] pub $field: $kind,)* }

        impl Query for $query {
            type Answer = $answer;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::SignedIn;
            const READS: &'static [ReadModel] = &[ReadModel::TagList];
        }

        impl Answer<$query> for App {
            async fn answer(&self, caller: &Caller, $asked: $query) -> Answered<$query> {
                let $app = self;
                let $tenant = caller.signed_in()?.tenant;
                $body.await.map_err(Failure::Unavailable)
            }
        }
    };
}

tag_query!(/** One tag. */ GetTag { id: TagId } -> Option<TagRow>, "tag.get",
    |app, tenant, query| app.tag_list.get(tenant, query.id));
tag_query!(/** Tags by their ids. */ TagsById { ids: Vec<TagId> } -> Vec<TagRow>, "tag.by_ids",
    |app, tenant, query| app.tag_list.by_ids(tenant, &query.ids));
tag_query!(/** The tenant's tags. */ ListTags { request: PageRequest<TagFilter, TagSort> } -> Page<TagRow>, "tag.list",
    |app, tenant, query| app.tag_list.page(tenant, &query.request));
tag_query!(/** How many tags pass a filter. */ CountTags { filter: TagFilter } -> i64, "tag.count",
    |app, tenant, query| app.tag_list.count(tenant, &query.filter));
