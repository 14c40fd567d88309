//! An operator's own password. Whoever made the operator chose the first one; from then on nobody
//! else has to know it.

use domain::{
    StreamId,
    operator::{OperatorCommand, OperatorError, OperatorRole},
    user::Password,
};
use serde::Serialize;

use super::OperatorChanged;
use crate::{
    Access, App, Caller, Command, Failure, Handle, Order, Outcome, Terms, aggregates::broken,
    order::idempotency, ports::ReadModel, user::sealed,
};

/// Replaces the password. All sessions end, this one too.
#[derive(Clone, Serialize)]
pub struct ChangePortalPassword {
    /// The one that works now.
    #[serde(skip)]
    pub current: String,
    /// The new one.
    #[serde(skip)]
    pub password: Password,
}

impl Command for ChangePortalPassword {
    type Output = OperatorChanged;
    type Rejection = OperatorError;
    const NAME: &'static str = "operator.change_password";
    // The password itself is asked for: a session need not have been confirmed as well.
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const SHOWN_IN: &'static [ReadModel] = &[];
}

impl Handle<ChangePortalPassword> for App {
    async fn handle(
        &self,
        caller: &Caller,
        change: ChangePortalPassword,
        terms: Terms,
    ) -> Outcome<ChangePortalPassword> {
        let (id, name) = (caller.operator_id()?.0, ChangePortalPassword::NAME);
        let key = idempotency(caller, name, &change, &terms);
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.operator_changed(self.operators.as_received(receipt).await?).await;
        }
        let stream = StreamId::global(id);
        let (_, state) = self.operators.load(&stream).await?;
        let badge = state.badge().ok_or(Failure::Rejected(OperatorError::NotFound))?;
        if !self.is_own_portal_password(id, badge, change.current).await? {
            return Err(Failure::Rejected(OperatorError::CurrentPasswordWrong));
        }
        let hash = self.passwords.hash(change.password.as_str().to_owned()).await?;
        let password = self.vault.seal(id, "password", &hash).await.map_err(sealed)?;
        let intent = OperatorCommand::ChangePassword { checked: badge.password.clone(), password };
        let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
        self.operator_changed(self.operators.execute(order).await?).await
    }
}
