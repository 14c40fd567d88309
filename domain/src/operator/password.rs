//! An operator's own password.

use super::{Operator, OperatorError, OperatorEvent, SignOut};
use crate::{Sealed, Timestamp};

impl Operator {
    /// A new password ends all sessions: whoever knew the old one is out.
    pub(super) fn change_password(
        &self,
        checked: &Sealed,
        password: Sealed,
        at: Timestamp,
    ) -> Result<Vec<OperatorEvent>, OperatorError> {
        let badge = self.at_work(OperatorError::NotFound)?;
        if badge.password != *checked {
            return Err(OperatorError::CurrentPasswordWrong);
        }
        let changed = OperatorEvent::PasswordChanged { password, at };
        Ok(std::iter::once(changed).chain(badge.end_all(SignOut::PasswordChanged, at)).collect())
    }
}
