//! What can be done with tags.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed};
use application::{
    Committed,
    tag::{CreateTag, DeleteTag, UpdateTag, written_row},
};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{TagId, tag};

use super::Tag;
use crate::terms::{known, not_found, not_null, parse, position, terms, version};

#[derive(Default)]
pub(crate) struct TagMutation;

/// A new tag.
#[derive(InputObject)]
struct CreateTagInput {
    /// 1 to 50 characters.
    name: String,
    /// Lower-case letters, digits, hyphens; derived from the name when absent.
    slug: Option<String>,
    /// `#rrggbb`; `#6366f1` when absent.
    color: Option<String>,
}

/// What changes; absent is unchanged.
#[derive(InputObject)]
struct UpdateTagInput {
    name: MaybeUndefined<String>,
    slug: MaybeUndefined<String>,
    color: MaybeUndefined<String>,
}

/// The tag after the change.
#[derive(SimpleObject)]
struct TagPayload {
    tag: Tag,
    /// One up per event.
    version: i32,
    /// The place of the last event: send it back as `X-Consistency-Token`.
    cursor: CursorText,
}

impl TagPayload {
    fn of(ctx: &Context<'_>, done: &Committed<tag::Tag>) -> Result<Self> {
        ctx.note_visibility(done.visibility);
        let row = written_row(done).ok_or_else(|| not_found("tag"))?;
        Ok(Self {
            tag: Tag(Arc::new(row)),
            version: version(done.version),
            cursor: position(ctx, done.cursor),
        })
    }
}

/// A value that may be absent, but not null.
fn unless_null<T>(value: MaybeUndefined<T>, field: &'static str) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(not_null(field)),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}

#[Object]
impl TagMutation {
    /// Makes a tag in your tenant.
    async fn create_tag(
        &self,
        ctx: &Context<'_>,
        input: CreateTagInput,
        idempotency_key: Option<String>,
    ) -> Result<TagPayload> {
        let create = CreateTag {
            name: parse(input.name)?,
            slug: input.slug.map(parse).transpose()?,
            colour: input.color.map(parse).transpose()?,
        };
        let done =
            ctx.app().send(ctx.caller(), create, terms(idempotency_key, None)).await.map_err(failed)?;
        TagPayload::of(ctx, &done)
    }

    /// Changes a tag.
    async fn update_tag(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateTagInput,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TagPayload> {
        let update = UpdateTag {
            id: TagId(known(&id).ok_or_else(|| not_found("tag"))?),
            name: unless_null(input.name, "name")?.map(parse).transpose()?,
            slug: unless_null(input.slug, "slug")?.map(parse).transpose()?,
            colour: unless_null(input.color, "color")?.map(parse).transpose()?,
        };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), update, terms).await.map_err(failed)?;
        TagPayload::of(ctx, &done)
    }

    /// Removes a tag; todos lose it. The payload shows it as it last was.
    async fn delete_tag(
        &self,
        ctx: &Context<'_>,
        id: ID,
        idempotency_key: Option<String>,
        expected_version: Option<i32>,
    ) -> Result<TagPayload> {
        let delete = DeleteTag { id: TagId(known(&id).ok_or_else(|| not_found("tag"))?) };
        let terms = terms(idempotency_key, expected_version);
        let done = ctx.app().send(ctx.caller(), delete, terms).await.map_err(failed)?;
        TagPayload::of(ctx, &done)
    }
}
