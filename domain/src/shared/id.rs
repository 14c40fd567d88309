//! Identities. Each kind is its own type, so that two of them cannot be swapped.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                raw.parse().map(Self)
            }
        }
    };
}

id!(/** A company or a person's own space; the wall between customers. */ TenantId);
id!(/** A person on the user surface. */ UserId);
id!(/** One of the portal's own identities; no link to a user. */ OperatorId);
id!(/** A todo. */ TodoId);
id!(/** A tag of a tenant. */ TagId);
id!(/** A role of a tenant's own. */ RoleId);
id!(/** A key for machines. */ ApiKeyId);
id!(/** A signed-in device: one family of refresh tokens. */ SessionId);

/// The key of an event stream inside its aggregate type.
///
/// What belongs to a tenant is addressed as `{tenant}/{id}`: built from the caller's own tenant,
/// it cannot even name what belongs to another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(String);

impl StreamId {
    /// The stream of something that belongs to a tenant.
    pub fn within(tenant: TenantId, id: Uuid) -> Self {
        Self(format!("{tenant}/{id}"))
    }

    /// The stream of something above tenants: a tenant itself, an operator.
    pub fn global(id: Uuid) -> Self {
        Self(id.to_string())
    }

    /// A stream id as it was stored.
    pub fn stored(raw: String) -> Self {
        Self(raw)
    }

    /// The stored form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tenant part, when the stream belongs to a tenant.
    pub fn tenant(&self) -> Option<TenantId> {
        let (tenant, _) = self.0.split_once('/')?;
        tenant.parse().ok()
    }

    /// The id of the thing itself, without its tenant.
    pub fn own(&self) -> Option<Uuid> {
        let own = self.0.split_once('/').map_or(self.0.as_str(), |(_, own)| own);
        own.parse().ok()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
