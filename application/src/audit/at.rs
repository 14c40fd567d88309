//! What a thing was at a point of its past, and how that differs from another point.

use domain::{TenantId, Timestamp, operator::OperatorRole};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Difference, Kind, Moment, MomentError,
    difference::{Pair, differences},
    reading::Reading,
};
use crate::{
    Access, Answer, Answered, App, Caller, Failure, Query,
    ports::{Cursor, ReadModel},
};

/// A point in the life of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// After its event of this number; 0 is before the first.
    Version(i64),
    /// After what the whole log held at a moment.
    Moment(Moment),
}

/// What a thing was at a point, and what another point differs in.
#[derive(Debug, Clone, Copy)]
pub struct AggregateAt {
    /// Of which type.
    pub kind: &'static Kind,
    /// Which.
    pub id: Uuid,
    /// When.
    pub at: Point,
    /// Compared with when.
    pub other: Option<Point>,
}

/// What a thing was.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its version; 0 where nothing had happened yet.
    pub version: i64,
    /// The place of its last event, and when that was recorded.
    pub last: Option<(Cursor, Timestamp)>,
    /// Its state as the caller may see it; null where nothing had happened yet.
    pub state: Value,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateView {
    /// In which tenant.
    pub tenant: Option<TenantId>,
    /// What it was.
    pub at: Seen,
    /// What it was at the other point, and what leads there.
    pub other: Option<(Seen, Vec<Difference>)>,
}

impl Query for AggregateAt {
    type Answer = Result<Option<AggregateView>, MomentError>;
    const NAME: &'static str = "audit.aggregate_at";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::AuditList];
    fn about(&self) -> Option<String> {
        Some(format!("{} {}", self.kind.name, self.id))
    }
}

impl Answer<AggregateAt> for App {
    async fn answer(&self, caller: &Caller, query: AggregateAt) -> Answered<AggregateAt> {
        let stream = self.audit.stream(query.kind.name, query.id).await.map_err(Failure::Unavailable)?;
        let Some(stream) = stream else { return Ok(Ok(None)) };
        let reading = Reading { app: self, caller, kind: query.kind, id: query.id, stream: &stream };
        let (at, stored) = match reading.at(query.at).await? {
            Ok(seen) => seen,
            Err(refused) => return Ok(Err(refused)),
        };
        let other = match query.other {
            None => None,
            Some(point) => match reading.at(point).await? {
                Ok((other, other_stored)) => {
                    let before = Pair { stored: &stored, shown: &at.state };
                    let after = Pair { stored: &other_stored, shown: &other.state };
                    let leads = differences(&before, &after);
                    Some((other, leads))
                }
                Err(refused) => return Ok(Err(refused)),
            },
        };
        let own_tenant = (query.kind.name == "tenant").then_some(TenantId(query.id));
        Ok(Ok(Some(AggregateView { tenant: stream.tenant().or(own_tenant), at, other })))
    }
}
