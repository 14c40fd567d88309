//! Todos that live.

use std::sync::Arc;

use adapter_web::{ContextExt, CursorText, failed, problem};
use application::{
    Problem,
    live::LiveEnd,
    todo::{self, matches},
    trace::{Kind as Part, Span},
};
use async_graphql::{Context, ErrorExtensions, ID, Result, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt, future};

use super::{filter::TodoFilterInput, history::Kind, types::Todo};
use crate::terms::{position, read_position};

#[derive(Default)]
pub(crate) struct TodoSubscription;

/// A todo that changed.
#[derive(SimpleObject)]
struct TodoChange {
    /// Its place: give it as `after` to resume here.
    cursor: CursorText,
    /// What happened.
    change: Kind,
    /// The todo as it is now; absent once it is gone.
    todo: Option<Todo>,
    todo_id: ID,
}

#[Subscription]
impl TodoSubscription {
    /// Your own todos, each time one of them changes: none lost, none twice, in order. `after`
    /// resumes where an earlier subscription stopped.
    async fn todo_changed<'ctx>(
        &self,
        ctx: &Context<'ctx>,
        after: Option<CursorText>,
        filter: Option<TodoFilterInput>,
    ) -> Result<impl Stream<Item = Result<TodoChange>> + use<'ctx>> {
        let after = read_position(ctx, after, "after")?;
        let filter = filter.unwrap_or_default().parse()?;
        let subscription = ctx.app().live.todos(ctx.caller(), after).await.map_err(failed)?;
        let ctx = ctx.clone();
        Ok(subscription.changes().filter_map(move |change| {
            let passes = |todo: &Arc<todo::TodoRow>| matches(&filter, todo);
            future::ready(match change {
                Ok(change) if change.todo.as_ref().is_none_or(passes) => {
                    ctx.delivers(delivery(&change));
                    Some(Ok(TodoChange {
                        cursor: position(&ctx, change.cursor),
                        change: change.kind.into(),
                        todo: change.todo.clone().map(Todo::alone),
                        todo_id: change.id.to_string().into(),
                    }))
                }
                Ok(_) => None,
                Err(end) => Some(Err(ended(&ctx, end))),
            })
        }))
    }
}

/// From the moment that this process heard of a change.
fn delivery(change: &todo::TodoChange) -> Span {
    let span = Span::child_of(change.trace, Part::Consumer, format_args!("deliver todoChanged"));
    let mut span = span.since(change.heard);
    span.word("messaging.system", "redis");
    span.word("messaging.destination.name", "hints");
    span.word("messaging.operation.type", "process");
    span.word("enterprise_todo.operation", "todoChanged");
    span
}

/// The end of a subscription carries the cursor to resume from.
fn ended(ctx: &Context<'_>, end: LiveEnd) -> async_graphql::Error {
    let cursor = ctx.codec().position(&end.cursor());
    problem(Problem::from(end)).extend_with(|_, extensions| extensions.set("cursor", cursor))
}
