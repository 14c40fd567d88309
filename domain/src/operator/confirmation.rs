//! What confirms an open session, and how a lost second factor is taken away.

use super::{Badge, Operator, OperatorError, OperatorEvent, PortalSession, SignOut, Standing};
use crate::{
    Sealed, SessionId, Timestamp,
    two_factor::{Confirmation, Factor, Judged, TwoFactorCommand},
};

impl Operator {
    /// The operator of an open session is still there. A wrong code is a fact too.
    pub(super) fn confirm(
        &self,
        shown: &Confirmation,
        at: Timestamp,
    ) -> Result<Vec<OperatorEvent>, OperatorError> {
        let badge = self.at_work(OperatorError::NotFound)?;
        let session = shown.session;
        if !badge.sessions(at).any(|open| open == session) {
            return Err(OperatorError::InvalidCredentials);
        }
        if badge.password != shown.checked {
            return Err(OperatorError::PasswordWrong);
        }
        Ok(match badge.two_factor.confirm(shown.attempt.as_ref(), at)? {
            Judged::Right(factor) => vec![OperatorEvent::SessionConfirmed { session, factor, at }],
            Judged::Wrong(fact) => vec![fact.into()],
        })
    }

    /// Takes the second factor away, from the deactivated as well. All sessions end. Where there is
    /// none, nothing happens.
    pub(super) fn reset_factor(
        &self,
        grounds: Sealed,
        at: Timestamp,
    ) -> Result<Vec<OperatorEvent>, OperatorError> {
        let badge = self.badge().ok_or(OperatorError::NotFound)?;
        if !badge.two_factor.is_bound() {
            return Ok(Vec::new());
        }
        let command = TwoFactorCommand::<PortalSession>::Reset { grounds };
        let (fact, _) = badge.two_factor.decide(command, at)?;
        Ok(std::iter::once(fact.into()).chain(badge.end_all(SignOut::SecondFactorReset, at)).collect())
    }
}

impl Badge {
    pub(super) fn confirmed(&mut self, session: SessionId, factor: Option<&Factor>, at: Timestamp) {
        self.two_factor.confirmed(factor);
        if let Standing::Active { sessions } = &mut self.standing
            && let Some(open) = sessions.iter_mut().find(|open| open.id == session)
        {
            open.confirmed_at = at;
        }
    }
}
