//! The audit trail: every event, in the one order of the log.

use std::ops::RangeInclusive;

use adapter_web::{ContextExt, CursorText, failed, problem, relay::PageInfo};
use application::{
    Code, Page, PageError, Problem, Window,
    audit::{AuditEvent as Stored, AuditEvents, AuditFilter as Filter, CountAuditEvents},
    ports::Cursor,
};
use async_graphql::{Context, ID, InputObject, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Datelike, Utc};
use domain::TenantId;
use serde_json::Value;

use crate::terms::{id, int, page_weight};

/// The years that RFC 3339 knows; Postgres cannot hold all that lie outside.
const YEARS: RangeInclusive<i32> = 0..=9999;

#[derive(Default)]
pub(crate) struct AuditQuery;

/// Something that happened: what, when, by whom, from where, and because of what.
#[derive(SimpleObject)]
struct AuditEvent {
    cursor: CursorText,
    /// Its running number; as text, because it may pass what a JSON number holds.
    position: String,
    recorded_at: DateTime<Utc>,
    /// The stored name, as `todo.created`.
    event_type: String,
    aggregate_type: String,
    aggregate_id: ID,
    /// The aggregate's version after it.
    version: i32,
    tenant_id: Option<ID>,
    actor_id: Option<ID>,
    /// `user`, `operator` or `system`.
    actor_kind: String,
    /// `user` or `portal`.
    platform: String,
    command: String,
    correlation_id: String,
    causation_id: String,
    /// What happened; personal data is hidden.
    payload: Json<Value>,
}

impl AuditEvent {
    fn of(ctx: &Context<'_>, stored: &Stored) -> Self {
        Self {
            cursor: text(ctx, stored.cursor),
            position: stored.cursor.position.to_string(),
            recorded_at: stored.recorded_at,
            event_type: stored.event_type.clone(),
            aggregate_type: stored.aggregate_type.clone(),
            aggregate_id: stored.aggregate_id.clone().into(),
            version: int(stored.version),
            tenant_id: stored.tenant.map(|tenant| tenant.to_string().into()),
            actor_id: stored.actor_id.clone().map(Into::into),
            actor_kind: stored.actor_kind.clone(),
            platform: stored.platform.clone(),
            command: stored.command.clone(),
            correlation_id: stored.correlation_id.clone(),
            causation_id: stored.causation_id.clone(),
            payload: Json(stored.payload.clone()),
        }
    }
}

fn text(ctx: &Context<'_>, cursor: Cursor) -> CursorText {
    CursorText(ctx.codec().position(&cursor))
}

/// An event in the trail.
#[derive(SimpleObject)]
struct AuditEventEdge {
    cursor: CursorText,
    node: AuditEvent,
}

/// A page of the trail, oldest first.
struct AuditEventConnection {
    page: Page<Stored, Cursor>,
    filter: Filter,
}

#[Object]
impl AuditEventConnection {
    async fn edges(&self, ctx: &Context<'_>) -> Vec<AuditEventEdge> {
        let edges = self.page.edges.iter();
        edges
            .map(|edge| AuditEventEdge { cursor: text(ctx, edge.key), node: AuditEvent::of(ctx, &edge.node) })
            .collect()
    }

    async fn nodes(&self, ctx: &Context<'_>) -> Vec<AuditEvent> {
        self.page.edges.iter().map(|edge| AuditEvent::of(ctx, &edge.node)).collect()
    }

    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: self.page.edges.first().map(|edge| text(ctx, edge.key)),
            end_cursor: self.page.edges.last().map(|edge| text(ctx, edge.key)),
        }
    }

    /// How many events pass the filter.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountAuditEvents { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(int).map_err(failed)
    }
}

/// Which events: all that is given must hold.
#[derive(InputObject, Default)]
struct AuditFilter {
    tenant_id: Option<ID>,
    aggregate_type: Option<String>,
    aggregate_id: Option<ID>,
    actor_id: Option<ID>,
    event_type: Option<String>,
    platform: Option<String>,
    correlation_id: Option<String>,
    /// Not before.
    from: Option<DateTime<Utc>>,
    /// Not after.
    to: Option<DateTime<Utc>>,
}

impl AuditFilter {
    fn parse(self) -> Result<Filter> {
        for (at, field) in [(self.from, "from"), (self.to, "to")] {
            if at.is_some_and(|at| !YEARS.contains(&at.year())) {
                let problem_of = Problem::new(Code::ValidationFailed, format!("{field} is out of range"));
                return Err(problem(problem_of.of_field(field)));
            }
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(problem(
                Problem::new(Code::ValidationFailed, "from must not be after to").of_field("from"),
            ));
        }
        let texts = [&self.aggregate_type, &self.event_type, &self.platform, &self.correlation_id];
        let ids = [&self.aggregate_id, &self.actor_id].into_iter().flatten().map(|id| &id.0);
        if texts.into_iter().flatten().chain(ids).any(|text| text.contains('\0')) {
            let problem_of =
                Problem::new(Code::ValidationFailed, "a filter must not contain control characters");
            return Err(problem(problem_of.of_field("filter")));
        }
        Ok(Filter {
            tenant: self.tenant_id.map(|tenant| id(&tenant, "tenantId").map(TenantId)).transpose()?,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id.map(|id| id.0),
            actor_id: self.actor_id.map(|id| id.0),
            event_type: self.event_type,
            platform: self.platform,
            correlation_id: self.correlation_id,
            from: self.from,
            to: self.to,
        })
    }
}

#[Object]
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
        let read = |text: Option<CursorText>, field| {
            let place = text.map(|text| ctx.codec().read_position(&text.0)).transpose();
            place.map_err(|bad| problem(Problem::from(bad).of_field(field)))
        };
        let window = Window::of(first, read(after, "after")?, last, read(before, "before")?);
        let window = window.map_err(|error| {
            let problem_of = Problem::new(Code::ValidationFailed, error.to_string());
            problem(match error {
                PageError::Size { argument } => problem_of.of_field(argument),
                PageError::Both => problem_of,
            })
        })?;
        let asked = AuditEvents { filter: filter.clone(), window };
        let page = ctx.app().ask(ctx.caller(), asked, None).await.map_err(failed)?;
        Ok(AuditEventConnection { page, filter })
    }
}
