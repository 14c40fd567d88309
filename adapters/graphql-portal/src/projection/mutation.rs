//! What operators do to consumers and dead letters. Each act is written down; workers do the work.

use adapter_web::{ContextExt, CursorText, failed};
use application::{
    Command, Handle, Terms,
    projection::{
        CancelRebuild, DeadLetterSettled, DiscardDeadLetter, PauseProjection, ProjectionChanged,
        ProjectionRefusal, RebuildProjection, ResumeProjection, RetryDeadLetter, RollbackProjection,
    },
};
use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::types::{DeadLetter, Projection};
use crate::terms::position;

#[derive(Default)]
pub(crate) struct ProjectionMutation;

/// A projection after an act.
#[derive(SimpleObject)]
struct ProjectionPayload {
    projection: Projection,
    /// Where the act is written down.
    cursor: CursorText,
}

/// A dead letter after an act: as it was, when it is no more.
#[derive(SimpleObject)]
struct DeadLetterPayload {
    dead_letter: DeadLetter,
    /// Where the act is written down.
    cursor: CursorText,
}

#[Object]
impl ProjectionMutation {
    /// Stops a projection between two batches. What it shows stays, and grows old.
    async fn pause_projection(&self, ctx: &Context<'_>, name: String) -> Result<ProjectionPayload> {
        act(ctx, PauseProjection { name }).await
    }

    /// Lets a paused or halted projection go on; what halted it is tried again.
    async fn resume_projection(&self, ctx: &Context<'_>, name: String) -> Result<ProjectionPayload> {
        act(ctx, ResumeProjection { name }).await
    }

    /// Builds a read model anew from the first event, beside the one that serves; compares both, and
    /// swaps them. `rebuild` of `projections` shows how far it is. What served before is kept for a day.
    async fn rebuild_projection(&self, ctx: &Context<'_>, name: String) -> Result<ProjectionPayload> {
        act(ctx, RebuildProjection { name }).await
    }

    /// Gives up a rebuild, or a return, that does not serve yet.
    async fn cancel_rebuild(&self, ctx: &Context<'_>, name: String) -> Result<ProjectionPayload> {
        act(ctx, CancelRebuild { name }).await
    }

    /// Lets what served before the last rebuild serve again. It followed the log: nothing is older.
    async fn rollback_projection(&self, ctx: &Context<'_>, name: String) -> Result<ProjectionPayload> {
        act(ctx, RollbackProjection { name }).await
    }

    /// Tries a dead letter again, and what waits behind it in its stream, in order.
    async fn retry_dead_letter(&self, ctx: &Context<'_>, id: ID) -> Result<DeadLetterPayload> {
        settle(ctx, RetryDeadLetter { id: id.0 }).await
    }

    /// Passes over a dead letter for good: no read model will ever show the event. What waits behind
    /// it goes on when it is retried.
    async fn discard_dead_letter(&self, ctx: &Context<'_>, id: ID) -> Result<DeadLetterPayload> {
        settle(ctx, DiscardDeadLetter { id: id.0 }).await
    }
}

async fn act<C>(ctx: &Context<'_>, command: C) -> Result<ProjectionPayload>
where
    C: Command<Output = ProjectionChanged, Rejection = ProjectionRefusal>,
    application::App: Handle<C>,
{
    let done = ctx.app().send(ctx.caller(), command, Terms::default()).await.map_err(failed)?;
    Ok(ProjectionPayload { projection: done.row.into(), cursor: position(ctx, done.cursor) })
}

async fn settle<C>(ctx: &Context<'_>, command: C) -> Result<DeadLetterPayload>
where
    C: Command<Output = DeadLetterSettled, Rejection = ProjectionRefusal>,
    application::App: Handle<C>,
{
    let done = ctx.app().send(ctx.caller(), command, Terms::default()).await.map_err(failed)?;
    Ok(DeadLetterPayload { dead_letter: done.letter.into(), cursor: position(ctx, done.cursor) })
}
