//! Which events of the log pass an auditor's filter, as conditions of SQL.

use application::audit::AuditFilter;

use crate::keyset::Where;

/// Adds a condition for each part of the filter that is given, on the columns of `events`.
pub(super) fn conditions(sql: &mut Where, filter: &AuditFilter) {
    if let Some(tenant) = filter.tenant {
        // A tenant's streams begin with its id; a tenant's own stream is its id.
        let place = sql.bind(tenant.to_string());
        sql.push(&format!(" AND split_part(aggregate_id, '/', 1) = {place}"));
    }
    let texts = [
        ("aggregate_type", &filter.aggregate_type),
        ("reverse(split_part(reverse(aggregate_id), '/', 1))", &filter.aggregate_id),
        ("event_type", &filter.event_type),
        ("metadata->>'actor_id'", &filter.actor_id),
        ("metadata->>'platform'", &filter.platform),
        ("metadata->>'correlation_id'", &filter.correlation_id),
    ];
    for (expression, value) in texts {
        if let Some(value) = value {
            let place = sql.bind(value.clone());
            sql.push(&format!(" AND {expression} = {place}"));
        }
    }
    if let Some(from) = filter.from {
        let place = sql.bind(from);
        sql.push(&format!(" AND recorded_at >= {place}"));
    }
    if let Some(to) = filter.to {
        let place = sql.bind(to);
        sql.push(&format!(" AND recorded_at <= {place}"));
    }
}
