//! A tag as GraphQL shows one.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, relay::PageInfo};
use application::{
    Direction, Filter, Page,
    tag::{CountTags, TagField, TagFilter, TagRow, TagSort},
};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use domain::TagId;

use crate::{
    filter::{DateTimeFilter, IdFilter, StringFilter, fields, too_large},
    terms,
};

/// What todos are sorted under.
pub(crate) struct Tag(pub(crate) Arc<TagRow>);

#[Object]
impl Tag {
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Unique in the tenant.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// `#rrggbb`.
    async fn color(&self) -> &str {
        &self.0.colour
    }

    /// One up per event.
    async fn version(&self) -> i32 {
        terms::version(self.0.version)
    }
}

/// A tag in a list.
#[derive(SimpleObject)]
pub(crate) struct TagEdge {
    cursor: CursorText,
    node: Tag,
}

/// A page of tags.
pub(crate) struct TagConnection {
    page: Page<Arc<TagRow>>,
    filter: TagFilter,
    list: String,
}

impl TagConnection {
    pub(crate) fn new(page: Page<TagRow>, filter: TagFilter, list: String) -> Self {
        let edges = page.edges.into_iter();
        let edges =
            edges.map(|edge| application::Edge { key: edge.key, node: Arc::new(edge.node) }).collect();
        Self { page: Page { edges, has_next: page.has_next, has_previous: page.has_previous }, filter, list }
    }
}

#[Object]
impl TagConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<TagEdge> {
        let text = |key| CursorText(ctx.codec().keyset(&self.list, key));
        let edges = self.page.edges.iter();
        edges.map(|edge| TagEdge { cursor: text(&edge.key), node: Tag(Arc::clone(&edge.node)) }).collect()
    }

    async fn nodes(&self) -> Vec<Tag> {
        self.page.edges.iter().map(|edge| Tag(Arc::clone(&edge.node))).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo::of(&self.page, &self.list, ctx.codec())
    }

    /// How many tags pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountTags { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(terms::version).map_err(failed)
    }
}

/// Which tags.
#[derive(InputObject, Default, Clone)]
#[graphql(name = "TagFilter")]
pub(crate) struct TagFilterInput {
    /// All of these hold.
    and: Option<Vec<TagFilterInput>>,
    /// One of these holds.
    or: Option<Vec<TagFilterInput>>,
    id: Option<IdFilter>,
    name: Option<StringFilter>,
    slug: Option<StringFilter>,
    created_at: Option<DateTimeFilter>,
}

impl TagFilterInput {
    pub(crate) fn parse(self) -> Result<TagFilter> {
        self.tree()?.bounded().map_err(too_large)
    }

    fn tree(self) -> Result<TagFilter> {
        let mut all: Vec<TagFilter> = Vec::new();
        if let Some(id) = self.id {
            all.extend(fields(id.tests("id", TagId)?, TagField::Id));
        }
        all.extend(fields(self.name.unwrap_or_default().tests("name")?, TagField::Name));
        all.extend(fields(self.slug.unwrap_or_default().tests("slug")?, TagField::Slug));
        all.extend(fields(self.created_at.unwrap_or_default().tests("createdAt")?, TagField::CreatedAt));
        for part in self.and.unwrap_or_default() {
            all.push(part.tree()?);
        }
        if let Some(parts) = self.or {
            all.push(Filter::Any(parts.into_iter().map(Self::tree).collect::<Result<_>>()?));
        }
        Ok(Filter::All(all))
    }
}

/// By what tags are sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TagSortField {
    #[default]
    CreatedAt,
    Name,
    Slug,
}

/// Which way.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SortDirection {
    Asc,
    Desc,
}

impl From<SortDirection> for Direction {
    fn from(direction: SortDirection) -> Self {
        match direction {
            SortDirection::Asc => Self::Asc,
            SortDirection::Desc => Self::Desc,
        }
    }
}

/// In which order; newest first when absent.
#[derive(InputObject, Clone, Copy)]
#[graphql(name = "TagSort")]
pub(crate) struct TagSortInput {
    field: TagSortField,
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl TagSortInput {
    pub(crate) fn order(sort: Option<Self>) -> TagSort {
        let Some(Self { field, direction }) = sort else { return TagSort::CreatedAt(Direction::Desc) };
        match field {
            TagSortField::CreatedAt => TagSort::CreatedAt(direction.into()),
            TagSortField::Name => TagSort::Name(direction.into()),
            TagSortField::Slug => TagSort::Slug(direction.into()),
        }
    }
}
