//! Keys as GraphQL shows them.

use application::api_key::ApiKeyRow;
use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

/// A key for machines. It acts for you, within what both it and you may do.
pub(crate) struct ApiKey(pub(crate) ApiKeyRow);

#[Object]
impl ApiKey {
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How it begins, to be told from others.
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// The slugs of the most it allows; reading your own needs none.
    async fn permissions(&self) -> Vec<&'static str> {
        self.0.permissions.iter().map(|permission| permission.slug()).collect()
    }

    /// Until when it works; for ever without.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// When it was used last, to the hour.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// Since when it works no longer.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }

    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
