//! Hints between processes. A lost one costs time, never truth.

use async_trait::async_trait;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use super::{Cursor, ReadModel};
use crate::trace::{self, Place};

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Signal {
    /// Events of these aggregate types were committed.
    Appended {
        /// `todo`, `tag`, …
        types: Vec<String>,
        /// The newest transaction among them: until it can be read, readers look again soon.
        tx: u64,
    },
    /// A read model has reached a position, and these topics have something new.
    Projected {
        /// The read model's stored name.
        model: String,
        /// How far it came.
        reached: Cursor,
        /// What happened, in order.
        changes: Vec<Change>,
    },
}

/// Something new in a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose changes: `todo/{tenant}/{owner}`.
    pub topic: String,
    /// Its place in the log.
    pub cursor: Cursor,
    /// The place of the change before it in the same topic: where it differs from what a
    /// receiver has seen, something was lost on the way.
    pub previous: Cursor,
    /// What changed.
    pub id: Uuid,
    /// The stored name of the event.
    pub event_type: String,
    /// When it happened.
    pub at: Timestamp,
    /// The span that led to it, when its trace is recorded. Changes that are read, not received, have
    /// none: a trace ends where a hint is lost.
    #[serde(default, deserialize_with = "trace::lenient", skip_serializing_if = "Option::is_none")]
    pub trace: Option<Place>,
}

/// The wire between processes.
#[async_trait]
pub trait Signals: Send + Sync + 'static {
    /// Sends a hint to all processes, this one included. It never fails the caller: what cannot
    /// be sent is found by polling.
    async fn publish(&self, signal: Signal);
    /// All hints from now on.
    fn subscribe(&self) -> broadcast::Receiver<Signal>;
    /// Counts moments at which hints may have been lost: a reconnect, a burst too large to hold.
    fn gaps(&self) -> watch::Receiver<u64>;
    /// Whether the wire stands; while it does not, receivers poll more often.
    fn connected(&self) -> bool;
}

impl ReadModel {
    /// The stored name; the version is part of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TodoList => "todo_list.v1",
            Self::TagList => "tag_list.v1",
            Self::People => "people.v1",
            Self::OperatorList => "operator_list.v1",
            Self::RoleList => "role_list.v1",
            Self::Referrals => "referrals.v1",
            Self::ApiKeyList => "api_key_list.v1",
            Self::AuditList => "audit_list.v1",
            Self::TodoVersions => "todo_versions.v1",
            Self::PeopleVersions => "people_versions.v1",
        }
    }
}
