//! The second factor of a user, and what confirms an open session.

use super::{Account, Revocation, Session, User, UserError, UserEvent};
use crate::{
    Sealed, SessionId, Timestamp,
    two_factor::{Confirmation, Factor, Judged, TwoFactorCommand},
};

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

    /// Takes the second factor away, from whoever is kept out as well. All sessions end: the person
    /// starts anew, and so does whoever holds the lost device. Where there is none, nothing happens.
    pub(super) fn reset_factor(&self, grounds: Sealed, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered()?;
        if !account.two_factor.is_bound() {
            return Ok(Vec::new());
        }
        let (fact, _) = account.two_factor.decide(TwoFactorCommand::<Session>::Reset { grounds }, at)?;
        let ended = account.revocations(Revocation::SecondFactorReset, at);
        Ok(std::iter::once(fact.into()).chain(ended).collect())
    }

    /// The person of an open session is still there. A wrong code is a fact too.
    pub(super) fn confirm(&self, shown: &Confirmation, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        let account = self.active()?;
        let session = shown.session;
        if !account.sessions.iter().any(|open| open.id == session && open.is_open(at)) {
            return Err(UserError::InvalidCredentials);
        }
        if account.password != shown.checked {
            return Err(UserError::PasswordWrong);
        }
        Ok(match account.two_factor.confirm(shown.attempt.as_ref(), at)? {
            Judged::Right(factor) => vec![UserEvent::SessionConfirmed { session, factor, at }],
            Judged::Wrong(fact) => vec![fact.into()],
        })
    }
}

impl Account {
    pub(super) fn confirmed(&mut self, session: SessionId, factor: Option<&Factor>, at: Timestamp) {
        self.two_factor.confirmed(factor);
        if let Some(open) = self.sessions.iter_mut().find(|open| open.id == session) {
            open.confirmed_at = at;
        }
    }
}
