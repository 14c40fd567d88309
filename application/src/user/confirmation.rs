//! Showing the password again, in a session that is open.

use domain::{
    StreamId,
    two_factor::{Confirmation, TwoFactorError},
    user::{Account, User, UserCommand, UserError},
};
use serde::Serialize;

use super::commands::{sealed, user_command};
use crate::{
    Access, App, Caller, Command, Failure, Handle, Member, Order, Outcome, Terms, confirmation::Confirmed,
};

/// Under which name guesses of one's own password are counted, wherever they are made.
const OWN_PASSWORD: &str = "own_password";

/// Shows that the person of the session is still there.
#[derive(Clone, Serialize)]
pub struct ConfirmPassword {
    /// Password.
    #[serde(skip)]
    pub password: String,
    /// What the device shows, or a recovery code, where a second factor is bound.
    #[serde(skip)]
    pub code: Option<String>,
}

user_command!(ConfirmPassword -> Confirmed, "user.confirm_password", Access::InPerson(&[]), []);

// What comes of it is not kept under an idempotency key: tokens are not stored.
impl Handle<ConfirmPassword> for App {
    async fn handle(
        &self,
        caller: &Caller,
        shown: ConfirmPassword,
        terms: Terms,
    ) -> Outcome<ConfirmPassword> {
        let me: Member = caller.signed_in()?;
        let session = caller.session().ok_or(Failure::NotInPerson)?;
        let stream = StreamId::within(me.tenant, me.user.0);
        let (_, state) = self.users.load(&stream).await?;
        let account = state.account().ok_or(Failure::Rejected(UserError::NotFound))?;
        if !self.is_own_password(me, account, shown.password).await? {
            return Err(Failure::Rejected(UserError::PasswordWrong));
        }
        let at = self.clock.now();
        let secret = account.two_factor.secret();
        let attempt = self.weigh_shown(me.user.0, secret, shown.code.as_deref(), at).await.map_err(sealed)?;
        let confirmation = Confirmation { session, checked: account.password.clone(), attempt };
        let (intent, name) = (UserCommand::Confirm(confirmation), ConfirmPassword::NAME);
        let order = Order { stream, intent, caller, name, terms: &terms, key: None, at };
        let done = self.users.execute(order).await?;
        // A wrong code was written down, and confirmed nothing.
        let confirmed = |user: &User| {
            let sessions = user.account().map(|account| account.sessions.as_slice()).unwrap_or_default();
            sessions.iter().any(|open| open.id == session && open.confirmed_at == at)
        };
        if !confirmed(&done.state) {
            return Err(Failure::Rejected(UserError::TwoFactor(TwoFactorError::CodeInvalid)));
        }
        let (access, expires_in) = self.access_token(&done.stream, &done.state, session, at).await?;
        let (version, cursor, visibility) = (done.version, done.cursor, done.visibility);
        Ok(Confirmed { access, expires_in, at, version, cursor, visibility })
    }
}

impl App {
    /// Whether a password is the one of the person who asks. Whoever found an open session must not
    /// guess it there.
    pub(super) async fn is_own_password(
        &self,
        me: Member,
        account: &Account,
        clear: String,
    ) -> Result<bool, Failure<UserError>> {
        let attempt = self.attempt(OWN_PASSWORD, &me.user.to_string()).await?;
        let hash = self.vault.open(me.user.0, "password", &account.password).await.map_err(sealed)?;
        let right = self.passwords.verify(clear, hash).await?;
        attempt.settle(right).await?;
        Ok(right)
    }
}
