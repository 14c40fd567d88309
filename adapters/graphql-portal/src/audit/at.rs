//! Points of the past, and what things were there.

use adapter_web::{CursorText, problem};
use application::{
    Code, Problem,
    audit::{AggregateView, Difference, Moment, Point, Seen},
};
use async_graphql::{Context, ID, InputObject, Json, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::types::text;
use crate::terms::{int, moment};

/// A point in the life of a thing: exactly one of these.
#[derive(InputObject, Default)]
pub(super) struct AggregatePoint {
    /// After its event of this number; 0 is before the first.
    pub(super) version: Option<i32>,
    /// After the event of the log with this running number; 0 is before the first.
    pub(super) position: Option<String>,
    /// After what was recorded at this time or before. What is not over yet is now.
    pub(super) time: Option<DateTime<Utc>>,
}

impl AggregatePoint {
    pub(super) fn parse(self, field: &'static str) -> Result<Point> {
        match (self.version, self.position, self.time) {
            (Some(version), None, None) => Ok(Point::Version(version.into())),
            (None, Some(position), None) => Ok(Point::Moment(at_position(&position)?)),
            (None, None, Some(time)) => {
                moment(Some(time), "time")?;
                Ok(Point::Moment(Moment::Time(time)))
            }
            _ => {
                let message = "give exactly one of version, position and time";
                Err(problem(Problem::new(Code::ValidationFailed, message).of_field(field)))
            }
        }
    }
}

/// A position that a client sent.
pub(crate) fn at_position(text: &str) -> Result<Moment> {
    let position = text.parse().map_err(|_| {
        problem(Problem::new(Code::ValidationFailed, "position is not a number").of_field("position"))
    })?;
    Ok(Moment::Position(position))
}

/// What a thing was.
#[derive(SimpleObject)]
pub(super) struct AggregateAt {
    aggregate_type: String,
    aggregate_id: ID,
    tenant_id: Option<ID>,
    /// Its version; 0 where nothing had happened yet.
    version: i32,
    /// The running number of its last event.
    position: Option<String>,
    /// The place of its last event.
    cursor: Option<CursorText>,
    /// When its last event was recorded.
    recorded_at: Option<DateTime<Utc>>,
    /// Its state; null where nothing had happened yet. Hidden values are as in `payload` of events.
    state: Option<Json<Value>>,
    /// With `compareWith`: what it was there, and what leads there from here.
    difference: Option<AggregateDifference>,
}

/// What a thing was at the other point, and what leads there.
#[derive(SimpleObject)]
struct AggregateDifference {
    version: i32,
    position: Option<String>,
    cursor: Option<CursorText>,
    recorded_at: Option<DateTime<Utc>>,
    state: Option<Json<Value>>,
    /// In order of their paths; none where nothing differs.
    changes: Vec<StateChange>,
}

/// One thing that differs.
#[derive(SimpleObject)]
struct StateChange {
    /// A JSON pointer into the state, as `/priority`; empty for the whole of it.
    path: String,
    /// What it is at the point that was asked for; null where there is nothing.
    before: Option<Json<Value>>,
    /// What it is at `compareWith`; null where there is nothing.
    after: Option<Json<Value>>,
}

impl From<Difference> for StateChange {
    fn from(Difference { path, before, after }: Difference) -> Self {
        Self { path, before: json(before), after: json(after) }
    }
}

impl AggregateAt {
    pub(super) fn of(ctx: &Context<'_>, kind: &str, id: ID, view: AggregateView) -> Self {
        let Seen { version, last, state } = view.at;
        Self {
            aggregate_type: kind.to_owned(),
            aggregate_id: id,
            tenant_id: view.tenant.map(|tenant| tenant.to_string().into()),
            version: int(version),
            position: last.map(|(cursor, _)| cursor.position.to_string()),
            cursor: last.map(|(cursor, _)| text(ctx, cursor)),
            recorded_at: last.map(|(_, at)| at),
            state: json(state),
            difference: view.other.map(|(seen, changes)| AggregateDifference {
                version: int(seen.version),
                position: seen.last.map(|(cursor, _)| cursor.position.to_string()),
                cursor: seen.last.map(|(cursor, _)| text(ctx, cursor)),
                recorded_at: seen.last.map(|(_, at)| at),
                state: json(seen.state),
                changes: changes.into_iter().map(Into::into).collect(),
            }),
        }
    }
}

fn json(value: Value) -> Option<Json<Value>> {
    (!value.is_null()).then_some(Json(value))
}
