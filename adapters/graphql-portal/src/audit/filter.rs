//! Which events.

use adapter_web::problem;
use application::{Code, Problem, audit::AuditFilter as Filter};
use async_graphql::{ID, InputObject, Result};
use chrono::{DateTime, Utc};
use domain::TenantId;

use crate::terms::{id, moment};

/// Which events: all that is given must hold.
#[derive(InputObject, Default)]
pub(crate) struct AuditFilter {
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
    pub(crate) fn parse(self) -> Result<Filter> {
        moment(self.from, "from")?;
        moment(self.to, "to")?;
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
