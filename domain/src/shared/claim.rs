//! Uniqueness across streams: e-mails, usernames, slugs, the text of an active todo.

/// A value that only one stream may hold. Claims stand and fall with the events that make them:
/// the store compares what the state held before with what it holds after.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// What kind of value it is: `user.email`, `tag.slug`, …
    pub scope: &'static str,
    /// The value, as it is compared. The store keeps only its hash.
    pub value: String,
}

impl Claim {
    /// A claim on `value` among all of `scope`.
    pub fn new(scope: &'static str, value: impl Into<String>) -> Self {
        Self { scope, value: value.into() }
    }
}
