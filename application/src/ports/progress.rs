//! Reading your own write: how far a read model has come.

use std::time::Duration;

use async_trait::async_trait;

use super::Cursor;

/// The longest an answer waits for a read model.
pub const READ_WAIT: Duration = Duration::from_secs(2);

/// A projection, by what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadModel {
    /// Todos and what happened to them.
    TodoList,
    /// Tags.
    TagList,
    /// Tenants and their people.
    People,
    /// Operators.
    OperatorList,
    /// Tenants' own roles.
    RoleList,
    /// Who brought whom.
    Referrals,
    /// Keys for machines.
    ApiKeyList,
    /// What audits search by.
    AuditList,
    /// Todos as they were.
    TodoVersions,
    /// People as they were.
    PeopleVersions,
}

impl ReadModel {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::TodoList,
        Self::TagList,
        Self::People,
        Self::OperatorList,
        Self::RoleList,
        Self::Referrals,
        Self::ApiKeyList,
        Self::AuditList,
        Self::TodoVersions,
        Self::PeopleVersions,
    ];
}

/// Whether a read model shows a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// It does.
    Shown,
    /// Not within [`READ_WAIT`].
    Late,
    /// A long transaction elsewhere holds the tail back; waiting would not help.
    Held,
}

/// Waits for read models.
#[async_trait]
pub trait Progress: Send + Sync + 'static {
    /// Waits until `model` shows `cursor`, at most [`READ_WAIT`].
    async fn reach(&self, model: ReadModel, cursor: Cursor) -> Visibility;
}
