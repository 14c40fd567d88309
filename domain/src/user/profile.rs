//! What people see of a person, and the sessions the person ends.

use super::{Account, ProfileChange, Revocation, Standing, User, UserError, UserEvent};
use crate::{SessionId, Timestamp};

impl User {
    /// The account of somebody who may act.
    pub(super) fn active(&self) -> Result<&Account, UserError> {
        self.registered()?.may_act()
    }

    pub(super) fn update_profile(
        &self,
        change: ProfileChange,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let account = self.active()?;
        let mut events = Vec::new();
        if let Some(fullname) = change.fullname.filter(|fullname| *fullname != account.fullname) {
            events.push(UserEvent::Renamed { fullname, at });
        }
        if let Some((username, username_index)) =
            change.username.filter(|(_, index)| *index != account.username_index)
        {
            events.push(UserEvent::UsernameChanged { username, username_index, at });
        }
        Ok(events)
    }

    /// A session that is over already is over.
    pub(super) fn end_session(&self, session: SessionId, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered()?;
        let ended = account.revocations(Revocation::LoggedOut, at);
        Ok(ended
            .filter(|event| matches!(event, UserEvent::SessionRevoked { session: id, .. } if *id == session))
            .collect())
    }

    pub(super) fn end_sessions(&self, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        Ok(self.registered()?.revocations(Revocation::LoggedOut, at).collect())
    }
}

impl Account {
    /// The account, if its person may sign in and act.
    pub(super) fn may_act(&self) -> Result<&Self, UserError> {
        match self.standing {
            Standing::Active => Ok(self),
            Standing::Inactive { .. } => Err(UserError::NotVerified),
            Standing::Suspended { .. } => Err(UserError::Suspended),
        }
    }

    /// The end of every session.
    pub(super) fn revocations(
        &self,
        reason: Revocation,
        at: Timestamp,
    ) -> impl Iterator<Item = UserEvent> + '_ {
        self.sessions.iter().map(move |open| UserEvent::SessionRevoked { session: open.id, reason, at })
    }
}
