//! How far consumers are, as it goes on.

use adapter_web::{ContextExt, failed, refused};
use application::projection::{ProjectionsSeen, WatchProjections};
use async_graphql::{Context, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};

use super::types::Projection;

#[derive(Default)]
pub(crate) struct ProjectionSubscription;

/// Projections at a moment.
#[derive(SimpleObject)]
struct ProjectionProgress {
    /// When they were looked at.
    at: DateTime<Utc>,
    /// By name.
    projections: Vec<Projection>,
}

impl From<ProjectionsSeen> for ProjectionProgress {
    fn from(ProjectionsSeen { at, rows }: ProjectionsSeen) -> Self {
        Self { at, projections: rows.into_iter().map(Into::into).collect() }
    }
}

#[Subscription]
impl ProjectionSubscription {
    /// All consumers of the log, or one, once at the start and then once a second: what `projections`
    /// shows, rebuilds with their percentage and the time left included. Where it takes long to count
    /// what they have still to read, all who watch see the same count for a while; `at` says of when.
    /// While the database is away one error says so, and it goes on by itself.
    async fn projection_progress<'ctx>(
        &self,
        ctx: &Context<'ctx>,
        #[graphql(desc = "This one only.")] name: Option<String>,
    ) -> Result<impl Stream<Item = Result<ProjectionProgress>> + use<'ctx>> {
        let asked = WatchProjections { of: name };
        let watching = ctx.app().ask(ctx.caller(), asked, None).await.map_err(failed)?.map_err(refused)?;
        Ok(watching.items().map(|seen| seen.map(Into::into).map_err(failed)))
    }
}
