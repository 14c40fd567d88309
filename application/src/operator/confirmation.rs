//! Showing the password again, in a session that is open.

use domain::{
    StreamId,
    operator::{Badge, Operator, OperatorCommand, OperatorError, OperatorRole, PortalSession},
    two_factor::{Confirmation, TwoFactorError},
};
use serde::Serialize;
use uuid::Uuid;

use super::PortalToken;
use crate::{
    Access, App, Caller, Command, Failure, Handle, Order, Outcome, Terms, confirmation::Confirmed,
    ports::ReadModel, user::sealed,
};

/// Under which name guesses of one's own password are counted, wherever they are made.
const OWN_PASSWORD: &str = "own_portal_password";

/// Shows that the operator of the session is still there.
#[derive(Clone, Serialize)]
pub struct ConfirmPortalPassword {
    /// Password.
    #[serde(skip)]
    pub password: String,
    /// What the device shows, or a recovery code, where a second factor is bound.
    #[serde(skip)]
    pub code: Option<String>,
}

impl Command for ConfirmPortalPassword {
    type Output = Confirmed;
    type Rejection = OperatorError;
    const NAME: &'static str = "operator.confirm_password";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const SHOWN_IN: &'static [ReadModel] = &[];
}

// What comes of it is not kept under an idempotency key: tokens are not stored.
impl Handle<ConfirmPortalPassword> for App {
    async fn handle(
        &self,
        caller: &Caller,
        shown: ConfirmPortalPassword,
        terms: Terms,
    ) -> Outcome<ConfirmPortalPassword> {
        let id = caller.operator_id()?.0;
        let session = caller.session().ok_or(Failure::Unauthenticated)?;
        let stream = StreamId::global(id);
        let (_, state) = self.operators.load(&stream).await?;
        let badge = state.badge().ok_or(Failure::Rejected(OperatorError::NotFound))?;
        if !self.is_own_portal_password(id, badge, shown.password).await? {
            return Err(Failure::Rejected(OperatorError::PasswordWrong));
        }
        let at = self.clock.now();
        let secret = badge.two_factor.secret();
        let attempt = self.weigh_shown(id, secret, shown.code.as_deref(), at).await.map_err(sealed)?;
        let confirmation = Confirmation { session, checked: badge.password.clone(), attempt };
        let (intent, name) = (OperatorCommand::Confirm(confirmation), ConfirmPortalPassword::NAME);
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at };
        let done = self.operators.execute(order).await?;
        // A wrong code was written down, and confirmed nothing.
        let open = |operator: &Operator| {
            let open = operator.badge()?.session(session).filter(|open| open.confirmed_at == at)?;
            Some(PortalSession { id: session, expires_at: open.expires_at })
        };
        let wrong = Failure::Rejected(OperatorError::TwoFactor(TwoFactorError::CodeInvalid));
        let open = open(&done.state).ok_or(wrong)?;
        let PortalToken { access, expires_in } = self.portal_token(&done, open, at).await?;
        let (version, cursor, visibility) = (done.version, done.cursor, done.visibility);
        Ok(Confirmed { access, expires_in, at, version, cursor, visibility })
    }
}

impl App {
    /// Whether a password is the one of the operator who asks. Whoever found an open session must
    /// not guess it there.
    pub(super) async fn is_own_portal_password(
        &self,
        id: Uuid,
        badge: &Badge,
        clear: String,
    ) -> Result<bool, Failure<OperatorError>> {
        let attempt = self.attempt(OWN_PASSWORD, &id.to_string()).await?;
        let hash = self.vault.open(id, "password", &badge.password).await.map_err(sealed)?;
        let right = self.passwords.verify(clear, hash).await?;
        attempt.settle(right).await?;
        Ok(right)
    }
}
