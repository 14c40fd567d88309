//! Operators of filters, one input a kind of field.

use std::ops::RangeInclusive;

use adapter_web::problem;
use application::{Code, Filter, FilterTooLarge, Problem, Test};
use async_graphql::{ID, InputObject, Result};
use chrono::{DateTime, Datelike, Utc};

use crate::terms;

/// The years that RFC 3339 knows; Postgres cannot hold all that lie outside.
const YEARS: RangeInclusive<i32> = 0..=9999;

/// Tests of a text.
#[derive(InputObject, Default, Clone)]
pub(crate) struct StringFilter {
    /// Equal.
    eq: Option<String>,
    /// Not equal.
    ne: Option<String>,
    /// One of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<String>>,
    /// A pattern with `%` and `_`; ASCII letters alike in both cases.
    like: Option<String>,
}

/// Tests of an id.
#[derive(InputObject, Default, Clone)]
pub(crate) struct IdFilter {
    /// Equal.
    eq: Option<ID>,
    /// Not equal.
    ne: Option<ID>,
    /// One of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<ID>>,
    /// Missing, or not.
    is_null: Option<bool>,
}

/// Tests of a yes or no.
#[derive(InputObject, Default, Clone)]
pub(crate) struct BooleanFilter {
    /// Equal.
    eq: Option<bool>,
    /// Not equal.
    ne: Option<bool>,
}

/// From the first to the second, both included.
#[derive(InputObject, Clone)]
pub(crate) struct DateTimeRange {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// Tests of a moment.
#[derive(InputObject, Default, Clone)]
pub(crate) struct DateTimeFilter {
    /// Equal.
    eq: Option<DateTime<Utc>>,
    /// Not equal.
    ne: Option<DateTime<Utc>>,
    /// One of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<DateTime<Utc>>>,
    /// Later.
    gt: Option<DateTime<Utc>>,
    /// Not earlier.
    gte: Option<DateTime<Utc>>,
    /// Earlier.
    lt: Option<DateTime<Utc>>,
    /// Not later.
    lte: Option<DateTime<Utc>>,
    /// In a range.
    between: Option<DateTimeRange>,
    /// Missing, or not.
    is_null: Option<bool>,
}

impl StringFilter {
    pub(crate) fn tests(self, field: &'static str) -> Result<Vec<Test<String>>> {
        let words = self.eq.iter().chain(&self.ne).chain(self.one_of.iter().flatten()).chain(&self.like);
        let dangling = |pattern: &String| pattern.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
        if words.into_iter().any(|text| text.contains('\0')) || self.like.iter().any(dangling) {
            let message = format!("{field} cannot be compared with this text");
            return Err(problem(Problem::new(Code::ValidationFailed, message).of_field("filter")));
        }
        let tests = [
            self.eq.map(Test::Eq),
            self.ne.map(Test::Ne),
            self.one_of.map(Test::In),
            self.like.map(Test::Like),
        ];
        Ok(tests.into_iter().flatten().collect())
    }
}

impl BooleanFilter {
    pub(crate) fn tests(self) -> Vec<Test<bool>> {
        [self.eq.map(Test::Eq), self.ne.map(Test::Ne)].into_iter().flatten().collect()
    }
}

impl DateTimeFilter {
    pub(crate) fn tests(self, field: &'static str) -> Result<Vec<Test<DateTime<Utc>>>> {
        if self.moments().any(|at| !YEARS.contains(&at.year())) {
            let message = format!("{field} cannot be compared with this time");
            return Err(problem(Problem::new(Code::ValidationFailed, message).of_field("filter")));
        }
        let tests = [
            self.eq.map(Test::Eq),
            self.ne.map(Test::Ne),
            self.one_of.map(Test::In),
            self.gt.map(Test::Gt),
            self.gte.map(Test::Gte),
            self.lt.map(Test::Lt),
            self.lte.map(Test::Lte),
            self.between.map(|range| Test::Between(range.from, range.to)),
            self.is_null.map(Test::IsNull),
        ];
        Ok(tests.into_iter().flatten().collect())
    }

    fn moments(&self) -> impl Iterator<Item = &DateTime<Utc>> {
        let single = [&self.eq, &self.ne, &self.gt, &self.gte, &self.lt, &self.lte].into_iter().flatten();
        let ends = self.between.iter().flat_map(|range| [&range.from, &range.to]);
        single.chain(self.one_of.iter().flatten()).chain(ends)
    }
}

impl IdFilter {
    pub(crate) fn tests<T>(self, field: &'static str, own: fn(uuid::Uuid) -> T) -> Result<Vec<Test<T>>> {
        let one = |raw: ID| terms::id(&raw, field).map(own);
        let mut tests = Vec::new();
        if let Some(id) = self.eq {
            tests.push(Test::Eq(one(id)?));
        }
        if let Some(id) = self.ne {
            tests.push(Test::Ne(one(id)?));
        }
        if let Some(ids) = self.one_of {
            tests.push(Test::In(ids.into_iter().map(one).collect::<Result<_>>()?));
        }
        tests.extend(self.is_null.map(Test::IsNull));
        Ok(tests)
    }
}

/// Tests of one field, as conditions that must all hold.
pub(crate) fn fields<T, P>(tests: Vec<Test<T>>, field: fn(Test<T>) -> P) -> impl Iterator<Item = Filter<P>> {
    tests.into_iter().map(move |test| Filter::Field(field(test)))
}

/// The error of a filter with too many conditions.
pub(crate) fn too_large(error: FilterTooLarge) -> async_graphql::Error {
    problem(Problem::new(Code::ValidationFailed, error.to_string()).of_field("filter"))
}
