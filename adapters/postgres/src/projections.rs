//! All projections. This list *is* the deployment.

use std::sync::Arc;

use application::{
    jobs::Reaction,
    ports::{Cursor, ReadModel, Vault},
    user::Mails,
};
use cqrs_es::Aggregate;
use deadpool_postgres::Pool;
use domain::{
    api_key::ApiKey, operator::Operator, role::Role, tag::Tag, tenant::Tenant, todo::Todo, user::User,
};

use crate::{
    api_key::ApiKeyListProjection,
    audit::AuditListProjection,
    consumers::{EVERYTHING, Projection},
    jobs::{Bell, Reacting},
    operator::OperatorListProjection,
    role::RoleListProjection,
    seal::Sealing,
    tag::TagListProjection,
    todo::{TodoChangesProjection, TodoListProjection, TodoVersionsProjection},
    user::{PeopleProjection, PeopleVersionsProjection, ReferralsProjection},
};

/// What the projections of a deployment need beside the log.
pub struct Deployment {
    /// To open personal data.
    pub vault: Arc<dyn Vault>,
}

/// The read models of a deployment: each may be built anew.
pub fn all(deployment: &Deployment) -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(TodoListProjection::default()),
        Arc::new(TodoChangesProjection::default()),
        Arc::new(TagListProjection::default()),
        Arc::new(PeopleProjection::new(Arc::clone(&deployment.vault))),
        Arc::new(OperatorListProjection::new(Arc::clone(&deployment.vault))),
        Arc::new(ReferralsProjection::default()),
        Arc::new(RoleListProjection::default()),
        Arc::new(ApiKeyListProjection::default()),
        Arc::new(AuditListProjection),
        Arc::new(TodoVersionsProjection::default()),
        Arc::new(PeopleVersionsProjection::default()),
    ]
}

/// The reactions to mail about: what they cause is caused once. They are in no list of things that
/// are rebuilt.
pub fn mail_reactions(pool: &Pool, bell: &Arc<Bell>) -> Vec<Arc<dyn Projection>> {
    vec![Arc::new(Reacting::new(Mails, pool, Arc::clone(bell)))]
}

/// The names of all reactions, for workers that are told when there are jobs.
pub const REACTIONS: &[&str] = &[Mails::NAME];

/// Consumers that a deployment may do without, and what to set to have them. One that nobody ever
/// ran is off: that it is behind the log is no trouble. Whether it is, is read from its place, because
/// the process that shows it need not be the one with the setting. One that has run and stands still is
/// behind like any other: a log that is sealed no longer is an alarm.
pub(crate) const OPTIONAL: &[(&str, &str)] = &[
    (Sealing::NAME, "events are not sealed: set AUDIT_SIGNING_KEY where consumers run (docs/proofs.md)"),
    (Mails::NAME, "mail is off: set SMTP_HOST where consumers run (docs/configuration.md)"),
];

/// What to set to have this consumer, while it is off.
pub(crate) fn off(name: &str, at: Cursor) -> Option<&'static str> {
    let found = OPTIONAL.iter().find(|(optional, _)| *optional == name);
    found.filter(|_| at == Cursor::default()).map(|(_, reason)| *reason)
}

/// The aggregate types behind a read model.
pub(crate) const fn reads_of(model: ReadModel) -> &'static [&'static str] {
    match model {
        ReadModel::TodoList | ReadModel::TodoVersions => &[Todo::TYPE],
        ReadModel::TagList => &[Tag::TYPE],
        ReadModel::People => &[Tenant::TYPE, User::TYPE],
        ReadModel::OperatorList => &[Operator::TYPE],
        ReadModel::Referrals | ReadModel::PeopleVersions => &[User::TYPE],
        ReadModel::RoleList => &[Role::TYPE],
        ReadModel::ApiKeyList => &[ApiKey::TYPE],
        ReadModel::AuditList => EVERYTHING,
    }
}

/// What happens to sessions: most of a person's events, and nothing that a list shows.
const OF_SESSIONS: &[&str] = &[
    "user.signed_in",
    "user.session_refreshed",
    "user.session_confirmed",
    "user.session_revoked",
    "user.two_factor_challenged",
    "user.two_factor_passed",
    "user.two_factor_refused",
];

/// The kinds of events a read model passes over: of a type that it reads, but it never writes
/// anything for them. It shows all there is although they lie behind its checkpoint.
pub(crate) const fn passed_over(model: ReadModel) -> &'static [&'static str] {
    match model {
        ReadModel::People | ReadModel::PeopleVersions | ReadModel::Referrals => OF_SESSIONS,
        ReadModel::TodoList
        | ReadModel::TodoVersions
        | ReadModel::TagList
        | ReadModel::OperatorList
        | ReadModel::RoleList
        | ReadModel::ApiKeyList
        | ReadModel::AuditList => &[],
    }
}
