//! The application: everything a surface may ask for, over the ports it was built with.

use std::{ops::Deref, sync::Arc, time::Duration};

use domain::{
    api_key::ApiKey,
    operator::{Operator, Roster},
    role::Role,
    tag::Tag,
    tenant::Tenant,
    todo::Todo,
    user::User,
};

use crate::{
    Aggregates,
    api_key::ApiKeyList,
    audit::{AuditLog, replay::Replays},
    jobs::JobBoard,
    live::Hub,
    operator::OperatorList,
    ports::{AccessTokens, Clock, Entropy, EventLog, Lockouts, Passwords, Progress, Vault},
    projection::{ProjectionDesk, ProjectionWatch},
    proofs::Proofs,
    role::RoleList,
    tag::TagList,
    tenant::TenantList,
    todo::{TodoList, TodoPast},
    two_factor::Bypass,
    user::{People, PeoplePast, Referrals},
};

/// How long things live.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// An access token of the user surface.
    pub access: Duration,
    /// A refresh token.
    pub refresh: Duration,
    /// A token of the portal.
    pub portal: Duration,
    /// An e-mail verification.
    pub verification: Duration,
    /// A password reset.
    pub reset: Duration,
    /// An invitation.
    pub invitation: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            access: Duration::from_secs(15 * MINUTE),
            refresh: Duration::from_secs(7 * 24 * HOUR),
            portal: Duration::from_secs(8 * HOUR),
            verification: Duration::from_secs(24 * HOUR),
            reset: Duration::from_secs(HOUR),
            invitation: Duration::from_secs(7 * 24 * HOUR),
        }
    }
}

/// The ports side by side: one a slice and purpose.
pub struct Deps {
    /// Streams of todos.
    pub todos: Aggregates<Todo>,
    /// Streams of tags.
    pub tags: Aggregates<Tag>,
    /// Streams of users.
    pub users: Aggregates<User>,
    /// Streams of tenants.
    pub tenants: Aggregates<Tenant>,
    /// Streams of operators.
    pub operators: Aggregates<Operator>,
    /// Streams of tenants' own roles.
    pub roles: Aggregates<Role>,
    /// Streams of keys for machines.
    pub api_keys: Aggregates<ApiKey>,
    /// The stream of the active super admins.
    pub rosters: Aggregates<Roster>,
    /// The log under them.
    pub log: Arc<dyn EventLog>,
    /// The read model of todos.
    pub todo_list: Arc<dyn TodoList>,
    /// The read model of todos as they were.
    pub todo_past: Arc<dyn TodoPast>,
    /// The read model of tags.
    pub tag_list: Arc<dyn TagList>,
    /// The read model of tenants' own roles.
    pub role_list: Arc<dyn RoleList>,
    /// The read model of keys.
    pub api_key_list: Arc<dyn ApiKeyList>,
    /// The read model of tenants and their people.
    pub people: Arc<dyn People>,
    /// The read model of people as they were.
    pub people_past: Arc<dyn PeoplePast>,
    /// The read model of tenants, across all of them.
    pub tenant_list: Arc<dyn TenantList>,
    /// The read model of operators.
    pub operator_list: Arc<dyn OperatorList>,
    /// The read model of who brought whom.
    pub referrals: Arc<dyn Referrals>,
    /// The log, as auditors read it.
    pub audit: Arc<dyn AuditLog>,
    /// The log, played back.
    pub replays: Arc<Replays>,
    /// What shows that nobody changed the log.
    pub proofs: Proofs,
    /// The queue of jobs, as operators see it.
    pub jobs: Arc<dyn JobBoard>,
    /// Consumers under an operator's hand.
    pub projections: Arc<dyn ProjectionDesk>,
    /// Where those look who watch them.
    pub watch: Arc<ProjectionWatch>,
    /// How far read models have come.
    pub progress: Arc<dyn Progress>,
    /// Live changes.
    pub live: Arc<Hub>,
    /// Personal data.
    pub vault: Arc<dyn Vault>,
    /// Password hashes.
    pub passwords: Arc<dyn Passwords>,
    /// Access tokens of this surface.
    pub tokens: Arc<dyn AccessTokens>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// What slows down who guesses passwords.
    pub lockouts: Arc<dyn Lockouts>,
    /// What passes as every second factor; outside public environments only.
    pub two_factor_bypass: Option<Bypass>,
}

/// Everything a surface may ask for. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Deps>);

impl App {
    /// An application over these ports.
    pub fn new(deps: Deps) -> Self {
        Self(Arc::new(deps))
    }
}

impl Deref for App {
    type Target = Deps;
    fn deref(&self) -> &Deps {
        &self.0
    }
}
