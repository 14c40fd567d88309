//! All projections. This list *is* the deployment.

use std::sync::Arc;

use application::ports::{ReadModel, Vault};
use cqrs_es::Aggregate;
use domain::{operator::Operator, tag::Tag, tenant::Tenant, todo::Todo, user::User};

use crate::{
    consumers::Projection,
    mail::VerificationMail,
    operator::OperatorListProjection,
    tag::TagListProjection,
    todo::{TodoChangesProjection, TodoListProjection},
    user::PeopleProjection,
};

/// What the projections of a deployment need beside the log.
pub struct Deployment {
    /// To open personal data.
    pub vault: Arc<dyn Vault>,
    /// Where links in mails lead, and whether there is an outbox for them.
    pub outbox_web_url: Option<String>,
}

/// The projections of a deployment.
pub fn all(deployment: &Deployment) -> Vec<Arc<dyn Projection>> {
    let vault = || Arc::clone(&deployment.vault);
    let mut projections: Vec<Arc<dyn Projection>> = vec![
        Arc::new(TodoListProjection::default()),
        Arc::new(TodoChangesProjection::default()),
        Arc::new(TagListProjection::default()),
        Arc::new(PeopleProjection::new(vault())),
        Arc::new(OperatorListProjection::new(vault())),
    ];
    if let Some(web_url) = &deployment.outbox_web_url {
        projections.push(Arc::new(VerificationMail::new(vault(), web_url.clone())));
    }
    projections
}

/// The aggregate types behind a read model.
pub(crate) const fn reads_of(model: ReadModel) -> &'static [&'static str] {
    match model {
        ReadModel::TodoList => &[Todo::TYPE],
        ReadModel::TagList => &[Tag::TYPE],
        ReadModel::People => &[Tenant::TYPE, User::TYPE],
        ReadModel::OperatorList => &[Operator::TYPE],
    }
}
