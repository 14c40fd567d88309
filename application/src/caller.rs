//! Who asks: always from a verified token, never from the input.

use chrono::TimeDelta;
use domain::{
    Actor, ApiKeyId, OperatorId, SessionId, TenantId, Timestamp, UserId,
    operator::OperatorRole,
    role::{Permission, RoleRef},
};

use crate::Failure;

/// How long after somebody signed in, or showed the password again, what is sensitive is allowed.
pub const CONFIRMATION_AGE_MAX: TimeDelta = TimeDelta::minutes(15);

/// Which surface a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// `api`.
    User,
    /// `portal-api`.
    Portal,
}

impl Platform {
    /// The name in tokens and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Portal => "portal",
        }
    }
}

/// Who asks, with what rights, in which request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// On whose behalf.
    pub actor: Actor,
    /// From which surface.
    pub platform: Platform,
    /// Ties together all that one request causes; the request id.
    pub correlation: String,
    standing: Standing,
    /// When the person of the session showed the password last.
    confirmed_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
enum Standing {
    Anonymous,
    System,
    Member { member: Member, session: SessionId, permissions: Vec<Permission>, until: Timestamp },
    Key { owner: Member, permissions: Vec<Permission>, until: Option<Timestamp> },
    Operator { role: OperatorRole, session: SessionId, until: Timestamp },
}

/// What a token speaks of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credential {
    /// A person's session.
    Member { member: Member, session: SessionId },
    /// A key: it is looked at whenever it is shown, and only then.
    Key,
    /// An operator's session.
    Operator { operator: OperatorId, session: SessionId },
}

/// A signed-in person and the tenant the person works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    /// The tenant from the token.
    pub tenant: TenantId,
    /// The user from the token.
    pub user: UserId,
}

impl Caller {
    /// Somebody without a token.
    pub fn anonymous(platform: Platform, correlation: impl Into<String>) -> Self {
        Self {
            actor: Actor::System,
            platform,
            correlation: correlation.into(),
            standing: Standing::Anonymous,
            confirmed_at: None,
        }
    }

    /// The system itself, on its command line.
    pub fn system(platform: Platform, correlation: impl Into<String>) -> Self {
        let correlation = correlation.into();
        Self { actor: Actor::System, platform, correlation, standing: Standing::System, confirmed_at: None }
    }

    /// A person with a verified token that works until `until`, with the rights that the seeded ones
    /// of these roles give. Surfaces ask for those of this moment: see [`crate::standing`].
    pub fn member(member: Member, session: SessionId, roles: &[RoleRef], until: Timestamp) -> Self {
        let seeded = roles.iter().filter_map(|role| match role {
            RoleRef::System(role) => Some(role.permissions()),
            RoleRef::Custom(_) => None,
        });
        let mut permissions: Vec<Permission> = seeded.flatten().copied().collect();
        permissions.sort_unstable();
        permissions.dedup();
        Self {
            actor: Actor::User(member.user),
            platform: Platform::User,
            correlation: String::new(),
            standing: Standing::Member { member, session, permissions, until },
            confirmed_at: None,
        }
    }

    /// A machine with a key that opens until `until`, acting for `owner` with these rights.
    pub fn key(id: ApiKeyId, owner: Member, permissions: Vec<Permission>, until: Option<Timestamp>) -> Self {
        Self {
            actor: Actor::ApiKey(id),
            platform: Platform::User,
            correlation: String::new(),
            standing: Standing::Key { owner, permissions, until },
            confirmed_at: None,
        }
    }

    /// An operator with a verified token that works until `until`.
    pub fn operator(id: OperatorId, session: SessionId, role: OperatorRole, until: Timestamp) -> Self {
        Self {
            actor: Actor::Operator(id),
            platform: Platform::Portal,
            correlation: String::new(),
            standing: Standing::Operator { role, session, until },
            confirmed_at: None,
        }
    }

    /// The caller, whose token says that the password was shown at that moment.
    pub fn confirmed(self, at: Timestamp) -> Self {
        Self { confirmed_at: Some(at), ..self }
    }

    /// When the password was shown last; `None` where the token does not say.
    pub fn confirmed_at(&self) -> Option<Timestamp> {
        self.confirmed_at
    }

    /// Whether the password was shown so lately that what is sensitive is allowed.
    pub(crate) fn confirmed_lately(&self, now: Timestamp) -> bool {
        self.confirmed_at.is_some_and(|at| now.signed_duration_since(at) < CONFIRMATION_AGE_MAX)
    }

    /// What there is to be looked at again since the token was signed.
    pub(crate) fn credential(&self) -> Option<Credential> {
        match (&self.standing, self.actor) {
            (Standing::Member { member, session, .. }, _) => {
                Some(Credential::Member { member: *member, session: *session })
            }
            (Standing::Key { .. }, _) => Some(Credential::Key),
            (Standing::Operator { session, .. }, Actor::Operator(operator)) => {
                Some(Credential::Operator { operator, session: *session })
            }
            (Standing::Anonymous | Standing::System | Standing::Operator { .. }, _) => None,
        }
    }

    /// A person with the rights of this moment.
    pub(crate) fn with_permissions(mut self, now: &[Permission]) -> Self {
        if let Standing::Member { permissions, .. } = &mut self.standing {
            now.clone_into(permissions);
        }
        self
    }

    /// An operator with the role of this moment.
    pub(crate) fn with_operator_role(mut self, now: OperatorRole) -> Self {
        if let Standing::Operator { role, .. } = &mut self.standing {
            *role = now;
        }
        self
    }

    /// Whether `now` may do less than this caller could.
    pub fn lost_rights(&self, now: &Self) -> bool {
        match &self.standing {
            Standing::Member { permissions, .. } | Standing::Key { permissions, .. } => {
                !now.lacks(permissions).is_empty()
            }
            Standing::Operator { role, .. } => now.operator_role() < Some(*role),
            Standing::Anonymous | Standing::System => false,
        }
    }

    /// The caller in a request.
    pub fn in_request(self, correlation: impl Into<String>) -> Self {
        Self { correlation: correlation.into(), ..self }
    }

    /// The person and tenant, when a person asks, or a key of one.
    pub fn signed_in<R: std::error::Error + 'static>(&self) -> Result<Member, Failure<R>> {
        match &self.standing {
            Standing::Member { member, .. } | Standing::Key { owner: member, .. } => Ok(*member),
            Standing::Anonymous | Standing::System | Standing::Operator { .. } => {
                Err(Failure::Unauthenticated)
            }
        }
    }

    /// The operator, when one asks.
    pub fn operator_id<R: std::error::Error + 'static>(&self) -> Result<OperatorId, Failure<R>> {
        match self.actor {
            Actor::Operator(id) => Ok(id),
            Actor::User(_) | Actor::ApiKey(_) | Actor::System => Err(Failure::Unauthenticated),
        }
    }

    /// The tenant the caller works in.
    pub fn tenant(&self) -> Option<TenantId> {
        match &self.standing {
            Standing::Member { member, .. } | Standing::Key { owner: member, .. } => Some(member.tenant),
            Standing::Anonymous | Standing::System | Standing::Operator { .. } => None,
        }
    }

    /// The operator's role.
    pub fn operator_role(&self) -> Option<OperatorRole> {
        match &self.standing {
            Standing::Operator { role, .. } => Some(*role),
            Standing::Anonymous | Standing::System | Standing::Member { .. } | Standing::Key { .. } => None,
        }
    }

    /// Whether a person, a key of one, or an operator asks.
    pub fn is_signed_in(&self) -> bool {
        matches!(self.standing, Standing::Member { .. } | Standing::Key { .. } | Standing::Operator { .. })
    }

    /// Whether the system itself asks.
    pub fn is_system(&self) -> bool {
        matches!(self.standing, Standing::System)
    }

    /// Until when the token works; `None` without one, and for a key that does not expire.
    pub fn until(&self) -> Option<Timestamp> {
        match &self.standing {
            Standing::Anonymous | Standing::System => None,
            Standing::Key { until, .. } => *until,
            Standing::Member { until, .. } | Standing::Operator { until, .. } => Some(*until),
        }
    }

    /// The session of the token; a key has none.
    pub fn session(&self) -> Option<SessionId> {
        match &self.standing {
            Standing::Anonymous | Standing::System | Standing::Key { .. } => None,
            Standing::Member { session, .. } | Standing::Operator { session, .. } => Some(*session),
        }
    }

    /// Which of `needed` the caller lacks.
    pub fn lacks(&self, needed: &[Permission]) -> Vec<Permission> {
        let has: &[Permission] = match &self.standing {
            Standing::Member { permissions, .. } | Standing::Key { permissions, .. } => permissions,
            Standing::Anonymous | Standing::System | Standing::Operator { .. } => &[],
        };
        needed.iter().filter(|permission| !has.contains(permission)).copied().collect()
    }
}
