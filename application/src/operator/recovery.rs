//! A forgotten password. Nobody on the portal can set it, so that nobody there can be talked into it:
//! whoever may start the portal's process can, on the command line.

use domain::{
    operator::{OperatorCommand, OperatorError},
    user::{Email, Password},
};
use serde::Serialize;

use super::OperatorChanged;
use crate::{
    Access, App, Caller, Command, Failure, Handle, Order, Outcome, Terms, ports::ReadModel, user::sealed,
};

/// Sets the password of whoever has this address. All sessions end, and a mail tells the operator.
#[derive(Clone, Serialize)]
pub struct ResetPortalPassword {
    /// Whose.
    #[serde(skip)]
    pub email: Email,
    /// The new one.
    #[serde(skip)]
    pub password: Password,
}

impl Command for ResetPortalPassword {
    type Output = OperatorChanged;
    type Rejection = OperatorError;
    const NAME: &'static str = "operator.reset_password";
    const ACCESS: Access = Access::System;
    const SHOWN_IN: &'static [ReadModel] = &[];
}

impl Handle<ResetPortalPassword> for App {
    async fn handle(
        &self,
        caller: &Caller,
        reset: ResetPortalPassword,
        terms: Terms,
    ) -> Outcome<ResetPortalPassword> {
        let found = self.operator_with(reset.email.as_str()).await?;
        let (stream, id, badge) = found.ok_or(Failure::Rejected(OperatorError::NotFound))?;
        let hash = self.passwords.hash(reset.password.as_str().to_owned()).await?;
        let password = self.vault.seal(id.0, "password", &hash).await.map_err(sealed)?;
        let intent = OperatorCommand::ChangePassword { checked: badge.password, password };
        let (name, at) = (ResetPortalPassword::NAME, self.clock.now());
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at };
        self.operator_changed(self.operators.execute(order).await?).await
    }
}
