//! Filters of lists, the same for SQL and for a row in memory.

use thiserror::Error;

/// The most tests in one filter, nested ones included.
pub const FILTER_NODES_MAX: usize = 50;

/// A condition over the fields `P` of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter<P> {
    /// All of these hold; none: everything passes.
    All(Vec<Self>),
    /// One of these holds; none: nothing passes.
    Any(Vec<Self>),
    /// A field passes its test.
    Field(P),
}

impl<P> Default for Filter<P> {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// A filter with more than [`FILTER_NODES_MAX`] tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a filter may have at most {FILTER_NODES_MAX} conditions")]
pub struct FilterTooLarge;

impl<P> Filter<P> {
    /// Whether a row passes, given how one field test is judged.
    pub fn matches(&self, judge: &impl Fn(&P) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(judge)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(judge)),
            Self::Field(test) => judge(test),
        }
    }

    /// The filter, when it is not too large.
    pub fn bounded(self) -> Result<Self, FilterTooLarge> {
        if self.nodes() > FILTER_NODES_MAX { Err(FilterTooLarge) } else { Ok(self) }
    }

    fn nodes(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::nodes).sum::<usize>(),
            Self::Field(_) => 1,
        }
    }
}

/// A test of one field. A missing value passes only `Ne` and `IsNull(true)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test<T> {
    /// Equal.
    Eq(T),
    /// Not equal, or missing.
    Ne(T),
    /// One of these.
    In(Vec<T>),
    /// Greater.
    Gt(T),
    /// Greater or equal.
    Gte(T),
    /// Less.
    Lt(T),
    /// Less or equal.
    Lte(T),
    /// From the first to the second, both included.
    Between(T, T),
    /// A pattern with `%` and `_`, ASCII letters alike in both cases.
    Like(String),
    /// Missing, or not.
    IsNull(bool),
}

impl<T: PartialOrd> Test<T> {
    /// Whether a value passes, given how a pattern is judged.
    pub fn passes(&self, value: Option<&T>, like: impl Fn(&str, &T) -> bool) -> bool {
        let Some(value) = value else { return matches!(self, Self::Ne(_) | Self::IsNull(true)) };
        match self {
            Self::Eq(wanted) => value == wanted,
            Self::Ne(unwanted) => value != unwanted,
            Self::In(wanted) => wanted.contains(value),
            Self::Gt(bound) => value > bound,
            Self::Gte(bound) => value >= bound,
            Self::Lt(bound) => value < bound,
            Self::Lte(bound) => value <= bound,
            Self::Between(from, to) => value >= from && value <= to,
            Self::Like(pattern) => like(pattern, value),
            Self::IsNull(wanted) => !wanted,
        }
    }
}

/// SQL's `LIKE`, with ASCII letters alike in both cases.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_ascii_lowercase().chars().collect();
    let text: Vec<char> = text.to_ascii_lowercase().chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(p) {
            Some('%') => {
                retry = Some((p, t));
                p += 1;
                continue;
            }
            Some('\\') if pattern.get(p + 1).is_some() && pattern.get(p + 1) == text.get(t) => {
                p += 2;
                t += 1;
                continue;
            }
            Some('_') if t < text.len() => {
                p += 1;
                t += 1;
                continue;
            }
            Some(wanted) if *wanted != '\\' && Some(wanted) == text.get(t) => {
                p += 1;
                t += 1;
                continue;
            }
            None if t == text.len() => return true,
            Some(_) | None => {}
        }
        // Let the last `%` swallow one character more, or give up.
        match retry {
            Some((star, from)) if from < text.len() => {
                retry = Some((star, from + 1));
                (p, t) = (star + 1, from + 1);
            }
            Some(_) | None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_is_that_of_sql() {
        for (pattern, text, expected) in [
            ("milk", "Milk", true),
            ("%il%", "buy MILK", true),
            ("m_lk", "milk", true),
            ("m_lk", "mlk", false),
            ("%", "", true),
            ("a%b%c", "aXbYbZc", true),
            ("a%b", "abc", false),
            ("100\\%", "100%", true),
            ("100\\%", "1000", false),
            ("", "x", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn a_missing_value_passes_only_ne_and_is_null() {
        let no = |_: &str, _: &i32| false;
        assert!(Test::Ne(1).passes(None, no));
        assert!(Test::<i32>::IsNull(true).passes(None, no));
        assert!(!Test::Eq(1).passes(None, no));
        assert!(!Test::Lt(1).passes(None, no));
    }
}
