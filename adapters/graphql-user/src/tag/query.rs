//! What can be asked about tags.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, relay};
use application::{
    PageRequest,
    tag::{GetTag, ListTags},
};
use async_graphql::{Context, ID, Object, Result};
use domain::TagId;

use super::{
    Tag,
    types::{TagConnection, TagFilterInput, TagSortInput},
};
use crate::terms::{known, page_weight};

#[derive(Default)]
pub(crate) struct TagQuery;

#[Object]
impl TagQuery {
    /// One of your tenant's tags.
    async fn tag(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Tag>> {
        let Some(id) = known(&id).map(TagId) else {
            return ctx
                .app()
                .ask(ctx.caller(), GetTag { id: TagId(uuid::Uuid::nil()) }, None)
                .await
                .map(|_| None)
                .map_err(failed);
        };
        let row = ctx.app().ask(ctx.caller(), GetTag { id }, ctx.after()).await.map_err(failed)?;
        Ok(row.map(|row| Tag(Arc::new(row))))
    }

    /// Your tenant's tags, newest first unless you say otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn tags(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        filter: Option<TagFilterInput>,
        sort: Option<TagSortInput>,
    ) -> Result<TagConnection> {
        let sort = TagSortInput::order(sort);
        let of_list = format!("tags {sort:?}");
        let filter = filter.unwrap_or_default().parse()?;
        let window = relay::window(ctx, &of_list, first, after, last, before)?;
        let request = PageRequest { filter: filter.clone(), sort, window };
        let page = ctx.app().ask(ctx.caller(), ListTags { request }, ctx.after()).await.map_err(failed)?;
        Ok(TagConnection::new(page, filter, of_list))
    }
}
