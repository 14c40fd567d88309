//! Events as auditors read them: which, and in which order.

use domain::{TenantId, Timestamp, operator::OperatorRole};
use serde_json::Value;
use uuid::Uuid;

use super::Kind;
use crate::{
    Access, Answer, Answered, App, Caller, Failure, Page, Query, Window,
    ports::{Cursor, ReadModel},
    user::sealed,
};

/// Events are counted up to this number: more than so many are "so many, or more". The count of a
/// list that is searched in should never cost more than the search.
pub const AUDIT_COUNT_MAX: i64 = 10_000;

/// A stored event with who, when, from where and why.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Its place.
    pub cursor: Cursor,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// Its stored name.
    pub event_type: String,
    /// `todo`, `tag`, …
    pub aggregate_type: String,
    /// The id of the thing itself, without its tenant.
    pub aggregate_id: String,
    /// The same, where it is an id: whose key its personal data is sealed with.
    pub subject: Option<Uuid>,
    /// The thing's version after it.
    pub version: i64,
    /// In which tenant.
    pub tenant: Option<TenantId>,
    /// On whose behalf.
    pub actor_id: Option<String>,
    /// `user`, `operator`, `system`.
    pub actor_kind: String,
    /// `user` or `portal`.
    pub platform: String,
    /// By which command.
    pub command: String,
    /// In which request.
    pub correlation_id: String,
    /// Because of what.
    pub causation_id: String,
    /// What happened.
    pub payload: Value,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Of this aggregate type.
    pub aggregate_type: Option<String>,
    /// Of this aggregate.
    pub aggregate_id: Option<String>,
    /// By this actor.
    pub actor_id: Option<String>,
    /// Of this stored name.
    pub event_type: Option<String>,
    /// From this surface.
    pub platform: Option<String>,
    /// In this request.
    pub correlation_id: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// The filter as it is written down that somebody asked with it. What is no id and no name of
    /// ours is named without its value: anything may have been typed there.
    pub(super) fn about(&self) -> Option<String> {
        let id = |text: &String| text.parse::<Uuid>().is_ok();
        let ours = |text: &String| Kind::named(text.split('.').next().unwrap_or_default()).is_ok();
        let surface = |text: &String| matches!(text.as_str(), "user" | "portal");
        let time = |time: Timestamp| (time.to_rfc3339(), true);
        let fields = [
            ("tenantId", self.tenant.map(|tenant| (tenant.to_string(), true))),
            ("aggregateType", self.aggregate_type.as_ref().map(|it| (it.clone(), ours(it)))),
            ("aggregateId", self.aggregate_id.as_ref().map(|it| (it.clone(), id(it)))),
            ("actorId", self.actor_id.as_ref().map(|it| (it.clone(), id(it)))),
            ("eventType", self.event_type.as_ref().map(|it| (it.clone(), ours(it)))),
            ("platform", self.platform.as_ref().map(|it| (it.clone(), surface(it)))),
            ("correlationId", self.correlation_id.as_ref().map(|it| (it.clone(), id(it)))),
            ("from", self.from.map(time)),
            ("to", self.to.map(time)),
        ];
        let given: Vec<String> = fields
            .into_iter()
            .filter_map(|(name, value)| value.map(|(value, plain)| (name, value, plain)))
            .map(|(name, value, plain)| if plain { format!("{name}={value}") } else { name.to_owned() })
            .collect();
        (!given.is_empty()).then(|| given.join(" "))
    }
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct AuditEvents {
    /// Which events.
    pub filter: AuditFilter,
    /// Which of them.
    pub window: Window<Cursor>,
}

/// How many events pass.
#[derive(Debug, Clone)]
pub struct CountAuditEvents {
    /// Which events.
    pub filter: AuditFilter,
}

impl Query for AuditEvents {
    type Answer = Page<AuditEvent, Cursor>;
    const NAME: &'static str = "audit.events";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::AuditList];
    fn about(&self) -> Option<String> {
        self.filter.about()
    }
}

impl Answer<AuditEvents> for App {
    async fn answer(&self, caller: &Caller, query: AuditEvents) -> Answered<AuditEvents> {
        let page = self.audit.page(&query.filter, &query.window).await;
        let mut page = page.map_err(Failure::Unavailable)?;
        let subjects: Vec<Uuid> = page.edges.iter().filter_map(|edge| edge.node.subject).collect();
        self.vault.prefetch(&subjects).await.map_err(sealed)?;
        for edge in &mut page.edges {
            let event = &mut edge.node;
            event.payload = self.shown(caller, event.subject, &event.payload).await.map_err(sealed)?;
        }
        Ok(page)
    }
}

impl Query for CountAuditEvents {
    type Answer = i64;
    const NAME: &'static str = "audit.count";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::AuditList];
    // The count of a connection: the page beside it is written down.
    const NOTED: bool = false;
}

impl Answer<CountAuditEvents> for App {
    async fn answer(&self, _: &Caller, query: CountAuditEvents) -> Answered<CountAuditEvents> {
        self.audit.count(&query.filter, AUDIT_COUNT_MAX).await.map_err(Failure::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_into_a_filter_is_written_down_only_where_it_is_an_id_or_a_name_of_ours() {
        let id = Uuid::from_u128(7).to_string();
        let typed = |text: &str| Some(text.to_owned());
        assert_eq!(AuditFilter::default().about(), None);
        let filter = AuditFilter {
            aggregate_type: typed("todo"),
            aggregate_id: Some(id.clone()),
            actor_id: typed("zoe@people.test"),
            event_type: typed("zoe.created"),
            platform: typed("zoe"),
            correlation_id: typed("zoe"),
            ..AuditFilter::default()
        };
        let expected =
            format!("aggregateType=todo aggregateId={id} actorId eventType platform correlationId");
        assert_eq!(filter.about(), Some(expected));
    }
}
