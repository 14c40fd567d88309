//! Passwords, and the mails that anybody can have sent to a person.

use super::{
    Account, MAIL_WINDOW_SECONDS, MAILS_MAX, PasswordChange, Revocation, SecuredToken, Standing, User,
    UserError, UserEvent,
};
use crate::{Sealed, Timestamp, TokenHash};

impl User {
    /// Where nothing is to be mailed nothing happens: whoever asked is not told which it was.
    pub(super) fn request_verification(
        &self,
        token: SecuredToken,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered()?;
        Ok(match &account.standing {
            Standing::Inactive { .. } if may_mail(&account.mailed, at) => {
                vec![UserEvent::VerificationRequested {
                    verification_hash: token.hash,
                    verification_token: token.token,
                    verification_expires_at: token.expires_at,
                    at,
                }]
            }
            Standing::Inactive { .. } | Standing::Active | Standing::Suspended { .. } => Vec::new(),
        })
    }

    /// As with the verification, nobody is told what came of it.
    pub(super) fn request_reset(
        &self,
        token: SecuredToken,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered()?;
        Ok(match &account.standing {
            Standing::Inactive { .. } | Standing::Active if may_mail(&account.mailed, at) => {
                let SecuredToken { hash, token, expires_at } = token;
                vec![UserEvent::PasswordResetRequested {
                    reset_hash: hash,
                    reset_token: token,
                    expires_at,
                    at,
                }]
            }
            Standing::Inactive { .. } | Standing::Active | Standing::Suspended { .. } => Vec::new(),
        })
    }

    pub(super) fn reset_password(
        &self,
        token: &TokenHash,
        password: Sealed,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered().map_err(|_| UserError::TokenInvalid)?;
        if !account.reset.as_ref().is_some_and(|reset| reset.fits(token, at)) {
            return Err(UserError::TokenInvalid);
        }
        Ok(account.with_password(password, PasswordChange::Reset, at))
    }

    pub(super) fn change_password(
        &self,
        checked: &Sealed,
        password: Sealed,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let account = self.active()?;
        if account.password != *checked {
            return Err(UserError::CurrentPasswordWrong);
        }
        Ok(account.with_password(password, PasswordChange::Change, at))
    }
}

impl Account {
    /// A new password ends all sessions: whoever knew the old one is out.
    fn with_password(&self, password: Sealed, reason: PasswordChange, at: Timestamp) -> Vec<UserEvent> {
        let changed = UserEvent::PasswordChanged { password, reason, at };
        std::iter::once(changed).chain(self.revocations(Revocation::PasswordChanged, at)).collect()
    }
}

/// Whether another mail may go to the person.
pub(super) fn may_mail(mailed: &[Timestamp], at: Timestamp) -> bool {
    mailed.iter().filter(|sent| lately(**sent, at)).count() < MAILS_MAX
}

/// Remembers a mail, and forgets those that count no longer.
pub(super) fn note_mail(mailed: &mut Vec<Timestamp>, at: Timestamp) {
    mailed.retain(|sent| lately(*sent, at));
    mailed.push(at);
}

fn lately(sent: Timestamp, at: Timestamp) -> bool {
    at.signed_duration_since(sent).num_seconds() < MAIL_WINDOW_SECONDS
}
