//! Events and pages of them, as operators see them.

use adapter_web::{ContextExt, CursorText, failed, relay::PageInfo};
use application::{
    Page,
    audit::{AuditEvent as Stored, AuditFilter as Filter, CountAuditEvents},
    ports::Cursor,
};
use async_graphql::{Context, ID, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::terms::int;

/// Something that happened: what, when, by whom, from where, and because of what.
#[derive(SimpleObject)]
pub(crate) struct AuditEvent {
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
    /// `user`, `operator`, `api_key` or `system`.
    actor_kind: String,
    /// `user` or `portal`.
    platform: String,
    command: String,
    correlation_id: String,
    causation_id: String,
    /// What happened. Personal data is `[personal]` below `OPERATIONS` and `[erased]` once it is gone;
    /// hashes and sealed secrets are `[secret]` for everybody.
    payload: Json<Value>,
}

impl AuditEvent {
    pub(crate) fn of(ctx: &Context<'_>, stored: &Stored) -> Self {
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

pub(super) fn text(ctx: &Context<'_>, cursor: Cursor) -> CursorText {
    CursorText(ctx.codec().position(&cursor))
}

/// An event in the trail.
#[derive(SimpleObject)]
struct AuditEventEdge {
    cursor: CursorText,
    node: AuditEvent,
}

/// A page of the trail, oldest first.
pub(super) struct AuditEventConnection {
    pub(super) page: Page<Stored, Cursor>,
    pub(super) filter: Filter,
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

    /// How many events pass the filter, counted up to 10,000: that number means so many or more.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = CountAuditEvents { filter: self.filter.clone() };
        ctx.app().ask(ctx.caller(), count, None).await.map(int).map_err(failed)
    }
}
