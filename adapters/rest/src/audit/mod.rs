//! The audit trail going out as lines: from any place, filtered, readable or exactly as it is stored.

mod lines;
mod types;

use application::audit::{
    AuditFilter,
    replay::{AuditExport, AuditExportSealed, Point, Wanted},
};
use chrono::{DateTime, Utc};
use domain::TenantId;
use poem::http::HeaderMap;
use poem_openapi::{ApiResponse, Enum, OpenApi, param::Query};
use uuid::Uuid;

use self::{lines::Lines, types::AuditLine};
use crate::{Problem, asker::Asker, ndjson::Ndjson, packing::Packing};

/// The longest text that is looked for, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// The operation.
pub(crate) struct AuditApi;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
enum AuditFormat {
    /// As `auditEvents` shows them.
    Readable,
    /// Exactly as they are stored, sealed values sealed: what `audit-verify` reads. For `SUPER_ADMIN`.
    Sealed,
}

#[derive(ApiResponse)]
enum Exported {
    /// One line for each event, in the one order of the log, each with the `cursor` to go on from;
    /// then `{"end":true,"cursor":…,"count":…}`. While a filter passes nothing, a line with
    /// `progress` a second. A line with `problem` and `position` stands for an event that cannot be
    /// read; a last line with `problem` alone, after which the connection is cut, means that it
    /// stopped there.
    #[oai(status = 200)]
    Lines(
        Ndjson<AuditLine>,
        /// How it is packed, when the client takes that.
        #[oai(header = "Content-Encoding")]
        Option<String>,
        /// It depends on what the client takes.
        #[oai(header = "Vary")]
        String,
    ),
}

#[OpenApi]
impl AuditApi {
    /// The audit trail
    ///
    /// Everything up to this moment, or up to `to`. `gzip` and `zstd` are there for clients that take
    /// them. To go on after a cut, send the `cursor` of the last line that came as `from`. Each export
    /// is itself written down. For operators.
    #[oai(path = "/v1/audit/export", method = "get", operation_id = "exportAudit")]
    #[expect(clippy::too_many_arguments, reason = "the parameters of a filter")]
    async fn export(
        &self,
        asker: Asker,
        /// A cursor: behind that place. Or a time (RFC 3339): not before.
        from: Query<Option<String>>,
        /// A cursor: up to and with that place. Or a time: not after.
        to: Query<Option<String>>,
        /// Of this tenant.
        #[oai(name = "tenantId")]
        tenant: Query<Option<Uuid>>,
        /// `todo`, `tag`, …
        #[oai(name = "aggregateType")]
        aggregate_type: Query<Option<String>>,
        /// Of this aggregate.
        #[oai(name = "aggregateId")]
        aggregate_id: Query<Option<String>>,
        /// By this actor.
        #[oai(name = "actorId")]
        actor_id: Query<Option<String>>,
        /// Of this stored name, as `todo.created`.
        #[oai(name = "eventType")]
        event_type: Query<Option<String>>,
        /// From this surface: `user` or `portal`.
        platform: Query<Option<String>>,
        /// In this request.
        #[oai(name = "correlationId")]
        correlation_id: Query<Option<String>>,
        /// `readable` when absent.
        format: Query<Option<AuditFormat>>,
        headers: &HeaderMap,
    ) -> Result<Exported, Problem> {
        let filter = AuditFilter {
            tenant: tenant.0.map(TenantId),
            aggregate_type: text(aggregate_type.0, "aggregateType")?,
            aggregate_id: text(aggregate_id.0, "aggregateId")?,
            actor_id: text(actor_id.0, "actorId")?,
            event_type: text(event_type.0, "eventType")?,
            platform: text(platform.0, "platform")?,
            correlation_id: text(correlation_id.0, "correlationId")?,
            ..AuditFilter::default()
        };
        let from = from.0.map(|text| point(&asker, &text, "from")).transpose()?;
        let to = to.0.map(|text| point(&asker, &text, "to")).transpose()?;
        let wanted = Wanted { from, to, filter, speed: None };
        let replay = match format.0.unwrap_or(AuditFormat::Readable) {
            AuditFormat::Readable => asker.ask(AuditExport(wanted)).await?,
            AuditFormat::Sealed => asker.ask(AuditExportSealed(wanted)).await?,
        };
        let replay = replay.map_err(|refused| Problem::from(application::Problem::from(refused)))?;
        let packing = Packing::wanted(headers);
        let lines = Ndjson::streamed(Lines::of(asker, replay).chunks(), packing)?;
        let packed = packing.map(|packing| packing.name().to_owned());
        Ok(Exported::Lines(lines, packed, "Accept-Encoding".to_owned()))
    }
}

fn text(value: Option<String>, field: &str) -> Result<Option<String>, Problem> {
    let odd = |text: &String| text.contains('\0') || text.chars().count() > TEXT_CHARS_MAX;
    if value.as_ref().is_some_and(odd) {
        return Err(
            Problem::invalid(format!("{field} is too long, or contains control characters")).of_field(field)
        );
    }
    Ok(value)
}

/// A cursor, or a time.
fn point(asker: &Asker, text: &str, field: &'static str) -> Result<Point, Problem> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        let time: DateTime<Utc> = time.to_utc();
        return Ok(Point::Time(time));
    }
    let place = asker.edge.codec.read_position(text);
    place.map(Point::At).map_err(|bad| application::Problem::from(bad).of_field(field).into())
}
