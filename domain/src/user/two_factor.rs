//! The second factor of a user.

use super::{Session, User, UserError, UserEvent};
use crate::{Timestamp, two_factor::TwoFactorCommand};

impl User {
    pub(super) fn second_factor(
        &self,
        command: TwoFactorCommand<Session>,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let account = self.active()?;
        let (fact, session) = account.two_factor.decide(command, at)?;
        let mut events = vec![fact.into()];
        events.extend(session.into_iter().flat_map(|session| account.open(session, at)));
        Ok(events)
    }
}
