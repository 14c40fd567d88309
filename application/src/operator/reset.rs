//! A second factor is lost: another operator takes it away from somebody who proved who they are.

use domain::{
    OperatorId, StreamId,
    operator::{OperatorCommand, OperatorError, OperatorRole},
    two_factor::{Reason, TwoFactorCommand},
};
use serde::Serialize;

use super::{OperatorChanged, commands::operator_command};
use crate::{
    Access, App, Caller, Command, Failure, Handle, Order, Outcome, Terms,
    ports::ReadModel,
    user::{GROUNDS, sealed},
};

/// Takes the second factor of another operator away. All sessions end, and a mail tells the operator.
#[derive(Debug, Clone, Serialize)]
pub struct ResetPortalTwoFactor {
    /// Whose.
    pub id: OperatorId,
    /// How the operator proved who they are.
    #[serde(skip)]
    pub reason: Reason,
}

operator_command!(ResetPortalTwoFactor, "operator.reset_two_factor");

impl Handle<ResetPortalTwoFactor> for App {
    async fn handle(
        &self,
        caller: &Caller,
        reset: ResetPortalTwoFactor,
        terms: Terms,
    ) -> Outcome<ResetPortalTwoFactor> {
        let ResetPortalTwoFactor { id, reason } = reset;
        // A stolen session would need no device any more.
        if caller.operator_id::<OperatorError>().is_ok_and(|own| own == id) {
            return Err(Failure::Rejected(OperatorError::OwnTwoFactor));
        }
        let (name, stream) = (ResetPortalTwoFactor::NAME, StreamId::global(id.0));
        let key = self.private_key(caller, name, &(id, reason.as_str()), &terms).await?;
        let (_, known) = self.operators.load(&stream).await?;
        known.badge().ok_or(Failure::Rejected(OperatorError::NotFound))?;
        let grounds = self.vault.seal(id.0, GROUNDS, reason.as_str()).await.map_err(sealed)?;
        let intent = OperatorCommand::TwoFactor(TwoFactorCommand::Reset { grounds });
        let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
        self.operator_changed(self.operators.execute(order).await?).await
    }
}
