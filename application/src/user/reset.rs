//! A second factor is lost: an operator takes it away from somebody who proved who they are.

use domain::{
    StreamId, TenantId, UserId,
    operator::OperatorRole,
    two_factor::{Reason, TwoFactorCommand},
    user::UserCommand,
};
use serde::Serialize;

use super::{
    PersonChanged,
    commands::{seal, user_command},
};
use crate::{Access, App, Caller, Command, Handle, Order, Outcome, Terms};

/// Under which name the reason is sealed.
pub(crate) const GROUNDS: &str = "grounds";

/// Takes the second factor of a person of any tenant away, for operators. All sessions end, and a
/// mail tells the person.
#[derive(Debug, Clone, Serialize)]
pub struct ResetTwoFactorOfTenant {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Whose.
    pub user: UserId,
    /// How the person proved who they are.
    #[serde(skip)]
    pub reason: Reason,
}

user_command!(
    ResetTwoFactorOfTenant -> PersonChanged,
    "user.reset_two_factor_of_tenant",
    Access::OperatorConfirmed(OperatorRole::Operations),
    [People]
);

impl Handle<ResetTwoFactorOfTenant> for App {
    async fn handle(
        &self,
        caller: &Caller,
        reset: ResetTwoFactorOfTenant,
        terms: Terms,
    ) -> Outcome<ResetTwoFactorOfTenant> {
        let (name, reason) = (ResetTwoFactorOfTenant::NAME, reset.reason.as_str());
        let key = self.personal_key(caller, name, &(reset.tenant, reset.user, reason), &terms).await?;
        let stream = StreamId::within(reset.tenant, reset.user.0);
        // Before anything is sealed: a key is made for nobody who is not there.
        let (_, known) = self.users.load(&stream).await?;
        known.account().ok_or(crate::Failure::Rejected(domain::user::UserError::NotFound))?;
        let grounds = seal(self.vault.as_ref(), reset.user.0, GROUNDS, reason).await?;
        let intent = UserCommand::TwoFactor(TwoFactorCommand::Reset { grounds });
        let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
        self.person_changed(self.users.execute(order).await?).await
    }
}
