//! Tags in REST: read only, so that machines know what todos may be sorted under.

use application::{
    Direction, Filter, PageRequest,
    tag::{GetTag, ListTags, TagRow, TagSort},
};
use chrono::{DateTime, Utc};
use domain::TagId;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
};
use uuid::Uuid;

use crate::{
    Problem,
    asker::Asker,
    page::{next_link, window},
};

/// The operations.
pub(crate) struct TagApi;

/// What todos are sorted under.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct Tag {
    /// Which.
    id: Uuid,
    /// What people read.
    name: String,
    /// Unique in the tenant.
    slug: String,
    /// `#rrggbb`.
    color: String,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// One up per event.
    version: i64,
}

/// A page of tags.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct TagPage {
    /// The tags, by name.
    items: Vec<Tag>,
    /// The `cursor` of the next page; absent on the last one.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

#[derive(ApiResponse)]
enum Listed {
    /// A page.
    #[oai(status = 200)]
    Page(
        Json<TagPage>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Found {
    /// The tag.
    #[oai(status = 200)]
    Found(Json<Tag>),
}

#[OpenApi]
impl TagApi {
    /// A page of the tenant's tags, by name
    #[oai(path = "/v1/tags", method = "get", operation_id = "listTags")]
    async fn list(
        &self,
        asker: Asker,
        /// 1 to 100; 20 when absent.
        limit: Query<Option<i32>>,
        /// `nextCursor` of the page before.
        cursor: Query<Option<String>>,
        /// At least as new as this position.
        #[oai(name = "X-Consistency-Token")]
        _after: Header<Option<String>>,
        request: &poem::http::Uri,
    ) -> Result<Listed, Problem> {
        let sort = TagSort::Name(Direction::Asc);
        let of_list = format!("tags {sort:?}");
        let window = window(&asker, &of_list, limit.0, cursor.0.as_deref())?;
        let page =
            asker.ask(ListTags { request: PageRequest { filter: Filter::default(), sort, window } }).await?;
        let next = page.edges.last().filter(|_| page.has_next);
        let next_cursor = next.map(|edge| asker.edge.codec.keyset(&of_list, &edge.key));
        let link = next_cursor.as_deref().map(|cursor| next_link(request, cursor));
        let items = page.edges.into_iter().map(|edge| edge.node.into()).collect();
        Ok(Listed::Page(Json(TagPage { items, next_cursor }), link))
    }

    /// One tag of the tenant
    #[oai(path = "/v1/tags/:id", method = "get", operation_id = "getTag")]
    async fn get(
        &self,
        asker: Asker,
        /// Which.
        id: Path<String>,
        /// At least as new as this position.
        #[oai(name = "X-Consistency-Token")]
        _after: Header<Option<String>>,
    ) -> Result<Found, Problem> {
        let id = TagId(id.0.parse().unwrap_or(Uuid::nil()));
        let not_found = || Problem::new(application::Code::NotFound, "tag not found");
        let row = asker.ask(GetTag { id }).await?.ok_or_else(not_found)?;
        Ok(Found::Found(Json(row.into())))
    }
}

impl From<TagRow> for Tag {
    fn from(row: TagRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            slug: row.slug,
            color: row.colour,
            created_at: row.created_at,
            version: row.version,
        }
    }
}
