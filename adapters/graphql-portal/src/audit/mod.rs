//! The audit trail: every event, in the one order of the log, and what things were at any time.

mod as_of;
mod at;
mod filter;
mod types;

use adapter_web::{ContextExt, CursorText, failed, problem, refused};
use application::{
    App, Code, PageError, Problem, Window,
    audit::{self, AuditEvents, AuditFilter as Filter, Kind},
    ports::Cursor,
};
use async_graphql::{Context, ID, Result};
use chrono::{DateTime, Utc};

pub(crate) use self::{
    as_of::{AsOf, shown_at},
    filter::AuditFilter,
    types::AuditEvent,
};
use self::{
    at::{AggregateAt, AggregatePoint},
    types::AuditEventConnection,
};
use crate::terms::{id, page_weight};

#[derive(Default)]
pub(crate) struct AuditQuery;

/// The four arguments of a page of the trail.
struct Places {
    first: Option<i32>,
    after: Option<CursorText>,
    last: Option<i32>,
    before: Option<CursorText>,
}

impl Places {
    fn window(self, ctx: &Context<'_>) -> Result<Window<Cursor>> {
        let read = |text: Option<CursorText>, field| {
            let place = text.map(|text| ctx.codec().read_position(&text.0)).transpose();
            place.map_err(|bad| problem(Problem::from(bad).of_field(field)))
        };
        let window =
            Window::of(self.first, read(self.after, "after")?, self.last, read(self.before, "before")?);
        window.map_err(|error| {
            let problem_of = Problem::new(Code::ValidationFailed, error.to_string());
            problem(match error {
                PageError::Size { argument } => problem_of.of_field(argument),
                PageError::Both => problem_of,
            })
        })
    }
}

async fn page(ctx: &Context<'_>, filter: Filter, places: Places) -> Result<AuditEventConnection> {
    let window = places.window(ctx)?;
    let asked = AuditEvents { filter: filter.clone(), window };
    let page = ctx.app().ask(ctx.caller(), asked, ctx.after()).await.map_err(failed)?;
    Ok(AuditEventConnection { page, filter })
}

#[async_graphql::Object]
impl AuditQuery {
    /// The audit trail, oldest first, in the one order of the log.
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        filter: Option<AuditFilter>,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
    ) -> Result<AuditEventConnection> {
        let filter = filter.unwrap_or_default().parse()?;
        page(ctx, filter, Places { first, after, last, before }).await
    }

    /// Everything that happened to one thing, oldest first.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    #[graphql(complexity = "page_weight(first, last, child_complexity)")]
    async fn audit_trail(
        &self,
        ctx: &Context<'_>,
        aggregate_type: String,
        aggregate_id: ID,
        first: Option<i32>,
        after: Option<CursorText>,
        last: Option<i32>,
        before: Option<CursorText>,
    ) -> Result<AuditEventConnection> {
        let kind = Kind::named(&aggregate_type).map_err(refused)?;
        let of = id(&aggregate_id, "aggregateId")?;
        let filter = Filter {
            aggregate_type: Some(kind.name.to_owned()),
            aggregate_id: Some(of.to_string()),
            ..Filter::default()
        };
        page(ctx, filter, Places { first, after, last, before }).await
    }

    /// What a thing was at a point of its past: give one of `version`, `position` and `time`. With
    /// `compareWith`, also how it differs from another point. Null when there never was such a thing.
    #[expect(clippy::too_many_arguments, reason = "three ways to name a point")]
    async fn aggregate_at(
        &self,
        ctx: &Context<'_>,
        aggregate_type: String,
        aggregate_id: ID,
        version: Option<i32>,
        position: Option<String>,
        time: Option<DateTime<Utc>>,
        compare_with: Option<AggregatePoint>,
    ) -> Result<Option<AggregateAt>> {
        // A point is optional to GraphQL: strangers are not told that one is missing.
        App::admits::<audit::AggregateAt>(ctx.caller()).map_err(failed)?;
        let kind = Kind::named(&aggregate_type).map_err(refused)?;
        let of = id(&aggregate_id, "aggregateId")?;
        let at = AggregatePoint { version, position, time }.parse("version")?;
        let other = compare_with.map(|point| point.parse("compareWith")).transpose()?;
        let asked = audit::AggregateAt { kind, id: of, at, other };
        let answer = ctx.app().ask(ctx.caller(), asked, ctx.after()).await.map_err(failed)?;
        let view = answer.map_err(refused)?;
        Ok(view.map(|view| AggregateAt::of(ctx, kind.name, aggregate_id, view)))
    }
}
