//! A person as GraphQL shows one.

use std::sync::Arc;

use application::user::{Entry, PersonRow, PersonStatus, SessionTokens};
use async_graphql::{Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

/// A company, or a person's own space.
#[derive(SimpleObject)]
pub(crate) struct Tenant {
    id: ID,
    name: String,
    slug: String,
}

/// Whether a person may sign in.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "PersonStatus")]
pub(crate) enum UserStatus {
    /// The e-mail address is not verified yet, or the invitation not followed.
    Inactive,
    /// May sign in.
    Active,
    /// May not.
    Suspended,
}

/// A person.
pub(crate) struct User(pub(crate) Arc<PersonRow>);

#[Object]
impl User {
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    async fn fullname(&self) -> &str {
        &self.0.fullname
    }

    /// Empty for somebody who did not follow the invitation yet.
    async fn username(&self) -> &str {
        &self.0.username
    }

    async fn email(&self) -> &str {
        &self.0.email
    }

    async fn status(&self) -> UserStatus {
        self.0.status.into()
    }

    /// The names of the person's roles.
    async fn roles(&self) -> &[String] {
        &self.0.roles
    }

    async fn tenant(&self) -> Tenant {
        let tenant = &self.0.tenant;
        Tenant { id: tenant.id.to_string().into(), name: tenant.name.clone(), slug: tenant.slug.clone() }
    }

    /// What the person gives to friends.
    async fn referral_code(&self) -> &str {
        &self.0.referral_code
    }

    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// What a signed-in person holds.
#[derive(SimpleObject)]
pub(crate) struct AuthPayload {
    /// To be sent as `Authorization: Bearer …`.
    access_token: Option<String>,
    /// To be shown once, for the next pair.
    refresh_token: Option<String>,
    /// Seconds until the access token expires.
    expires_in: Option<i32>,
    /// Whether a second factor is still to be shown.
    requires_two_factor: bool,
    /// What to show it with, within 5 minutes.
    two_factor_token: Option<String>,
}

impl From<SessionTokens> for AuthPayload {
    fn from(tokens: SessionTokens) -> Self {
        Self {
            access_token: Some(tokens.access),
            refresh_token: Some(tokens.refresh),
            expires_in: i32::try_from(tokens.expires_in).ok(),
            requires_two_factor: false,
            two_factor_token: None,
        }
    }
}

impl From<Entry> for AuthPayload {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Open(tokens) => tokens.into(),
            Entry::Challenged { token } => Self {
                access_token: None,
                refresh_token: None,
                expires_in: None,
                requires_two_factor: true,
                two_factor_token: Some(token),
            },
        }
    }
}
