//! What every mutation takes and gives beside its own: keys, expected versions, ids, positions.

use std::ops::RangeInclusive;

use adapter_web::{ContextExt, CursorText, problem};
use application::{Code, Problem, Refusal, Terms, ports::Cursor};
use async_graphql::{Context, ID, MaybeUndefined, Result};
use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

/// The years that RFC 3339 knows; Postgres cannot hold all that lie outside.
const YEARS: RangeInclusive<i32> = 0..=9999;

/// The terms of a mutation.
pub(crate) fn terms(idempotency_key: Option<String>, expected_version: Option<i32>) -> Terms {
    Terms { idempotency_key, expected_version: expected_version.map(i64::from) }
}

/// A value that an input field holds, parsed.
pub(crate) fn parse<T, E: Refusal>(raw: impl TryInto<T, Error = E>) -> Result<T> {
    raw.try_into().map_err(adapter_web::refused)
}

/// An input field that may be absent, and cannot be cleared.
pub(crate) fn kept<T>(value: MaybeUndefined<T>, field: &'static str) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Value(value) => Ok(Some(value)),
        MaybeUndefined::Null => {
            let message = format!("{field} cannot be null");
            Err(problem(Problem::new(Code::ValidationFailed, message).of_field(field)))
        }
    }
}

/// A pattern that a text can be compared with.
pub(crate) fn text_like(pattern: Option<String>) -> Result<Option<String>> {
    let dangling = |pattern: &String| pattern.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
    if pattern.iter().any(|pattern| pattern.contains('\0') || dangling(pattern)) {
        let message = "textLike cannot be compared with this text";
        return Err(problem(Problem::new(Code::ValidationFailed, message).of_field("filter")));
    }
    Ok(pattern)
}

/// An id in an argument.
pub(crate) fn id(raw: &ID, field: &'static str) -> Result<Uuid> {
    raw.parse().map_err(|_| {
        problem(Problem::new(Code::ValidationFailed, format!("{field} is not an id")).of_field(field))
    })
}

/// A time in an argument that Postgres can hold.
pub(crate) fn moment(at: Option<DateTime<Utc>>, field: &'static str) -> Result<()> {
    if at.is_some_and(|at| !YEARS.contains(&at.year())) {
        let problem_of = Problem::new(Code::ValidationFailed, format!("{field} is out of range"));
        return Err(problem(problem_of.of_field(field)));
    }
    Ok(())
}

/// A position as clients see it.
pub(crate) fn position(ctx: &Context<'_>, cursor: Cursor) -> CursorText {
    CursorText(ctx.codec().position(&cursor))
}

/// A count or version as GraphQL's `Int`.
pub(crate) fn int(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// How much a page weighs: its rows count, not only its fields.
pub(crate) fn page_weight(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    const ROWS_PER_WEIGHT: usize = 50;
    let rows = usize::try_from(first.or(last).unwrap_or(0)).unwrap_or(0);
    2 + child * (1 + rows.min(application::PAGE_MAX) / ROWS_PER_WEIGHT)
}
