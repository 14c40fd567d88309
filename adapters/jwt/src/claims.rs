//! What a token says, and what becomes of it.

use application::{
    Caller, Member, Platform,
    ports::{TokenError, TokenSession, TokenSubject},
};
use domain::{OperatorId, SessionId, TenantId, Timestamp, UserId, operator::OperatorRole, role::RoleRef};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The issuer of a surface's tokens.
pub(crate) const fn issuer(platform: Platform) -> &'static str {
    match platform {
        Platform::User => "enterprise-todo",
        Platform::Portal => "enterprise-todo-portal",
    }
}

/// Whom a surface's tokens are for: its issuer's name with `-api` behind it.
pub const fn audience(platform: Platform) -> &'static str {
    match platform {
        Platform::User => "enterprise-todo-api",
        Platform::Portal => "enterprise-todo-portal-api",
    }
}

/// The claims. Times are whole seconds since 1970. What decides about entry is not optional here;
/// the rest is asked for once the platform is known to be the right one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) platform: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<Uuid>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) sid: Option<Uuid>,
    /// When the password of the session was shown last, under the name that OIDC gave it.
    #[serde(default, rename = "auth_time")]
    pub(crate) auth_time: Option<i64>,
    #[serde(default)]
    pub(crate) iat: Option<i64>,
    #[serde(default)]
    pub(crate) nbf: Option<i64>,
    pub(crate) exp: i64,
    #[serde(default)]
    pub(crate) jti: Option<Uuid>,
}

impl Claims {
    /// What a new token says of `subject`.
    pub(crate) fn of(
        subject: &TokenSubject,
        session: TokenSession,
        id: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Self {
        let (platform, sub, tenant_id, roles) = match subject {
            TokenSubject::User { user, tenant, roles } => {
                let roles = roles.iter().map(ToString::to_string).collect();
                (Platform::User, user.0, Some(tenant.0), roles)
            }
            TokenSubject::Operator { operator, role } => {
                (Platform::Portal, operator.0, None, vec![role.name().to_owned()])
            }
        };
        Self {
            iss: issuer(platform).to_owned(),
            aud: audience(platform).to_owned(),
            sub: sub.to_string(),
            platform: platform.name().to_owned(),
            tenant_id,
            roles,
            sid: Some(session.id.0),
            auth_time: Some(session.confirmed_at.timestamp()),
            iat: Some(now.timestamp()),
            nbf: Some(now.timestamp()),
            exp: until.timestamp(),
            jti: Some(id),
        }
    }

    /// Refuses a token of the right key that was made for the other surface.
    pub(crate) fn for_platform(&self, own: Platform) -> Result<(), TokenError> {
        let named = [Platform::User, Platform::Portal].into_iter().find(|it| it.name() == self.platform);
        match named {
            Some(platform) if platform == own => Ok(()),
            Some(other) => Err(TokenError::WrongPlatform { received: other.name() }),
            None => Err(invalid("unknown platform")),
        }
    }

    /// Who shows this token. One of a release that did not write `auth_time` was confirmed nowhen.
    pub(crate) fn caller(&self, platform: Platform) -> Result<Caller, TokenError> {
        let caller = self.bearer(platform)?;
        let Some(seconds) = self.auth_time else { return Ok(caller) };
        let confirmed_at = Timestamp::from_timestamp(seconds, 0);
        Ok(caller.confirmed(confirmed_at.ok_or_else(|| invalid("auth_time is out of range"))?))
    }

    fn bearer(&self, platform: Platform) -> Result<Caller, TokenError> {
        let sub: Uuid = self.sub.parse().map_err(|_| invalid("sub is not an id"))?;
        let session = SessionId(self.sid.ok_or_else(|| invalid("sid is missing"))?);
        let until = Timestamp::from_timestamp(self.exp, 0).ok_or_else(|| invalid("exp is out of range"))?;
        match platform {
            Platform::User => {
                let tenant = TenantId(self.tenant_id.ok_or_else(|| invalid("tenantId is missing"))?);
                // Of a tenant's own role the token knows no permissions: the surface asks for them.
                let roles: Vec<RoleRef> = self.roles.iter().filter_map(|role| role.parse().ok()).collect();
                Ok(Caller::member(Member { tenant, user: UserId(sub) }, session, &roles, until))
            }
            Platform::Portal => {
                let role = match self.roles.as_slice() {
                    [name] => OperatorRole::named(name),
                    _ => None,
                };
                let role = role.ok_or_else(|| invalid("not exactly one known operator role"))?;
                Ok(Caller::operator(OperatorId(sub), session, role, until))
            }
        }
    }
}

/// A refusal with the reason for the log.
pub(crate) fn invalid(reason: impl Into<String>) -> TokenError {
    TokenError::Invalid(reason.into())
}
