//! A forgotten password. Nobody on the portal can set it, so that nobody there can be talked into it:
//! whoever may start the portal's process can, on the command line.

use domain::{
    Claim,
    operator::{self, OperatorCommand, OperatorError, OperatorRole},
    user::{Email, Password},
};
use serde::Serialize;

use super::{OperatorChanged, commands::operator_command};
use crate::{
    Access, App, Caller, Command, Failure, Handle, Order, Outcome, Terms, aggregates::broken,
    ports::ReadModel, user::sealed,
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

operator_command!(ResetPortalPassword, "operator.reset_password");

impl Handle<ResetPortalPassword> for App {
    async fn handle(
        &self,
        caller: &Caller,
        reset: ResetPortalPassword,
        terms: Terms,
    ) -> Outcome<ResetPortalPassword> {
        let index = self.vault.index(operator::EMAIL, reset.email.as_str()).await.map_err(sealed)?;
        let holder = self.log.holder(&Claim::new(operator::EMAIL, index.as_str())).await.map_err(broken)?;
        let not_found = || Failure::Rejected(OperatorError::NotFound);
        let stream = holder.ok_or_else(not_found)?;
        let (_, state) = self.operators.load(&stream).await?;
        let (badge, id) = state.badge().zip(stream.own()).ok_or_else(not_found)?;
        let hash = self.passwords.hash(reset.password.as_str().to_owned()).await?;
        let password = self.vault.seal(id, "password", &hash).await.map_err(sealed)?;
        let intent = OperatorCommand::ChangePassword { checked: badge.password.clone(), password };
        let (name, at) = (ResetPortalPassword::NAME, self.clock.now());
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at };
        self.operator_changed(self.operators.execute(order).await?).await
    }
}
