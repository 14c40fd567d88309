//! What can be asked about consumers and dead letters.

use adapter_web::{BadCursor, ContextExt, CursorText, failed, problem, relay};
use application::{
    Keyset, Problem, Window,
    projection::{DeadLetterId, DeadLetters, Projections},
};
use async_graphql::{Context, Object, Result};

use super::types::{DeadLetterConnection, LETTERS, Projection};
use crate::terms::page_weight;

#[derive(Default)]
pub(crate) struct ProjectionQuery;

#[Object]
impl ProjectionQuery {
    /// All consumers of the log, by name.
    async fn projections(&self, ctx: &Context<'_>) -> Result<Vec<Projection>> {
        let rows = ctx.app().ask(ctx.caller(), Projections, None).await.map_err(failed)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Events that a consumer could not write, in the order of the log.
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
        #[graphql(desc = "Of this one only.")] projection: Option<String>,
    ) -> Result<DeadLetterConnection> {
        let window = match relay::window(ctx, LETTERS, first, after, last, before)? {
            Window::First(size, place) => Window::First(size, place.map(read).transpose()?),
            Window::Last(size, place) => Window::Last(size, place.map(read).transpose()?),
        };
        let asked = DeadLetters { of: projection.clone(), window };
        let page = ctx.app().ask(ctx.caller(), asked, None).await.map_err(failed)?;
        Ok(DeadLetterConnection { page, of: projection })
    }
}

fn read(place: Keyset) -> Result<DeadLetterId> {
    let id = place.value.and_then(|text| text.parse().ok());
    id.ok_or_else(|| problem(Problem::from(BadCursor::Malformed)))
}
