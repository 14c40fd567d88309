//! Who asked, and when: the two facts a decision cannot know by itself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ApiKeyId, OperatorId, UserId};

/// A moment, with the microseconds that Postgres keeps.
pub type Timestamp = DateTime<Utc>;

/// On whose behalf something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// A person on the user surface.
    User(UserId),
    /// An operator on the portal.
    Operator(OperatorId),
    /// A machine with a key, for the person who made the key.
    ApiKey(ApiKeyId),
    /// The system itself: a seed, a process manager, an anonymous visitor.
    System,
}

/// A command with the facts only the shell knows.
#[derive(Debug, Clone)]
pub struct Issued<C> {
    /// What is asked.
    pub command: C,
    /// Who asks.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}
