//! What every mutation takes and gives beside its own: keys, expected versions, ids, positions.

use adapter_web::{ContextExt, CursorText, problem};
use application::{Code, Problem, Refusal, Terms, ports::Cursor};
use async_graphql::{Context, ID, Result};
use chrono::{DateTime, SubsecRound, Utc};
use domain::UserId;
use uuid::Uuid;

/// The terms of a mutation.
pub(crate) fn terms(idempotency_key: Option<String>, expected_version: Option<i32>) -> Terms {
    Terms { idempotency_key, expected_version: expected_version.map(i64::from) }
}

/// A value that an input field holds, parsed.
pub(crate) fn parse<T, E: Refusal>(raw: impl TryInto<T, Error = E>) -> Result<T> {
    raw.try_into().map_err(adapter_web::refused)
}

/// An id; `None` when it cannot be one of ours, so that it reads like any other unknown id.
pub(crate) fn known(id: &ID) -> Option<Uuid> {
    id.parse().ok()
}

/// A person by id. What cannot be an id is nobody's.
pub(crate) fn person(id: &ID) -> Result<UserId> {
    known(id).map(UserId).ok_or_else(|| not_found("user"))
}

/// An id in an input, which must at least look like one.
pub(crate) fn id(raw: &ID, field: &'static str) -> Result<Uuid> {
    known(raw).ok_or_else(|| {
        problem(Problem::new(Code::ValidationFailed, format!("{field} is not an id")).of_field(field))
    })
}

/// Postgres keeps microseconds; so do we, from the first moment on.
pub(crate) fn stored(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

/// The error of an input field that was sent as `null` where it cannot be cleared.
pub(crate) fn not_null(field: &'static str) -> async_graphql::Error {
    problem(Problem::new(Code::ValidationFailed, format!("{field} cannot be null")).of_field(field))
}

/// The error of an id that names nothing of the caller's.
pub(crate) fn not_found(what: &str) -> async_graphql::Error {
    problem(Problem::new(Code::NotFound, format!("{what} not found")))
}

/// A position as clients see it.
pub(crate) fn position(ctx: &Context<'_>, cursor: Cursor) -> CursorText {
    CursorText(ctx.codec().position(&cursor))
}

/// A position that a client sent.
pub(crate) fn read_position(
    ctx: &Context<'_>,
    text: Option<CursorText>,
    field: &'static str,
) -> Result<Option<Cursor>> {
    let read = text.map(|text| ctx.codec().read_position(&text.0)).transpose();
    read.map_err(|bad| problem(Problem::from(bad).of_field(field)))
}

/// A version as GraphQL's `Int`.
pub(crate) fn version(version: i64) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

/// How much a page weighs: its rows count, not only its fields.
pub(crate) fn page_weight(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    const ROWS_PER_WEIGHT: usize = 50;
    let rows = usize::try_from(first.or(last).unwrap_or(0)).unwrap_or(0);
    2 + child * (1 + rows.min(application::PAGE_MAX) / ROWS_PER_WEIGHT)
}
