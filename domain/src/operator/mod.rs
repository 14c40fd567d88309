//! Operators: the portal's own identities. They have no link to users.

mod command;
mod confirmation;
mod error;
mod event;
mod password;
mod role;
mod roster;
#[cfg(test)]
mod spec;
#[cfg(test)]
mod spec_confirmation;
#[cfg(test)]
mod spec_password;

pub use command::{OperatorCommand, PortalSession};
pub use error::OperatorError;
pub use event::{OperatorEvent, SignOut};
pub use role::OperatorRole;
pub use roster::{Roster, RosterCommand, RosterEvent};
use serde::{Deserialize, Serialize};

use crate::{
    BlindIndex, Claim, Issued, OperatorId, Root, Sealed, SessionId, Timestamp,
    shared::hosted_by_cqrs_es,
    two_factor::{Fact, TwoFactor, TwoFactorCommand, TwoFactorError},
};

/// The scope in which operators' e-mail addresses are unique.
pub const EMAIL: &str = "operator.email";
/// The most sessions one operator may have open; the oldest goes when another is opened.
pub const PORTAL_SESSIONS_MAX: usize = 20;

/// An operator's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Nobody made it yet.
    #[default]
    Unwritten,
    /// Somebody.
    Known(Box<Badge>),
}

/// What is known of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    /// Full name, sealed.
    pub fullname: Sealed,
    /// E-mail address, sealed.
    pub email: Sealed,
    /// To look the e-mail address up.
    pub email_index: BlindIndex,
    /// The hash of the password, sealed.
    pub password: Sealed,
    /// What the operator may do.
    pub role: OperatorRole,
    /// Whether the operator may work, and where.
    pub standing: Standing,
    /// The second factor.
    pub two_factor: TwoFactor,
    /// Since when.
    pub created_at: Timestamp,
}

/// Whether an operator may work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Works on the portal.
    Active {
        /// Open sessions, oldest first.
        sessions: Vec<OpenSession>,
    },
    /// Does not any more.
    Deactivated,
}

/// A session whose token works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    /// Its id.
    pub id: SessionId,
    /// Until when.
    pub expires_at: Timestamp,
    /// When the operator showed the password last: the sign-in, or later.
    pub confirmed_at: Timestamp,
}

impl Badge {
    /// Whether the operator may work.
    pub fn is_active(&self) -> bool {
        matches!(self.standing, Standing::Active { .. })
    }

    /// The sessions that were open at `at`.
    pub fn sessions(&self, at: Timestamp) -> impl Iterator<Item = SessionId> + '_ {
        self.open_sessions().filter(move |open| at < open.expires_at).map(|open| open.id)
    }

    /// A session, as long as it was not ended; it may have expired.
    pub fn session(&self, id: SessionId) -> Option<&OpenSession> {
        self.open_sessions().find(|open| open.id == id)
    }

    fn open_sessions(&self) -> std::slice::Iter<'_, OpenSession> {
        match &self.standing {
            Standing::Active { sessions } => sessions.iter(),
            Standing::Deactivated => [].iter(),
        }
    }

    fn end_all(&self, reason: SignOut, at: Timestamp) -> impl Iterator<Item = OperatorEvent> + '_ {
        self.sessions(at).map(move |session| OperatorEvent::SignedOut { session, reason, at })
    }

    /// A session is opened; the oldest ones make room.
    fn open(&self, session: PortalSession, at: Timestamp) -> Vec<OperatorEvent> {
        let surplus = self.sessions(at).count().saturating_add(1).saturating_sub(PORTAL_SESSIONS_MAX);
        let mut events: Vec<OperatorEvent> = self.end_all(SignOut::TooMany, at).take(surplus).collect();
        let PortalSession { id, expires_at } = session;
        events.push(OperatorEvent::SignedIn { session: id, expires_at, at });
        events
    }

    fn update(
        &self,
        fullname: Option<Sealed>,
        role: Option<OperatorRole>,
        active: Option<bool>,
        at: Timestamp,
    ) -> Vec<OperatorEvent> {
        let mut events = Vec::new();
        if let Some(fullname) = fullname.filter(|fullname| *fullname != self.fullname) {
            events.push(OperatorEvent::Renamed { fullname, at });
        }
        let leaves = active == Some(false) && self.is_active();
        if let Some(role) = role.filter(|role| *role != self.role) {
            events.push(OperatorEvent::RoleChanged { role, at });
            // A token says what its bearer may do: one that says something else must go.
            if !leaves {
                events.extend(self.end_all(SignOut::RoleChanged, at));
            }
        }
        if leaves {
            events.push(OperatorEvent::Deactivated { at });
            events.extend(self.end_all(SignOut::Deactivated, at));
        }
        if active == Some(true) && !self.is_active() {
            events.push(OperatorEvent::Reactivated { at });
        }
        events
    }

    fn second_factor(
        &self,
        command: TwoFactorCommand<PortalSession>,
        at: Timestamp,
    ) -> Result<Vec<OperatorEvent>, OperatorError> {
        let (fact, session) = self.two_factor.decide(command, at)?;
        let mut events = vec![fact.into()];
        events.extend(session.into_iter().flat_map(|session| self.open(session, at)));
        Ok(events)
    }

    fn evolve(&mut self, event: OperatorEvent) {
        match event {
            OperatorEvent::Created { .. } => {}
            OperatorEvent::SignedIn { session, expires_at, at } => {
                if let Standing::Active { sessions } = &mut self.standing {
                    sessions.retain(|open| at < open.expires_at);
                    sessions.push(OpenSession { id: session, expires_at, confirmed_at: at });
                }
            }
            OperatorEvent::SessionConfirmed { session, factor, at } => {
                self.confirmed(session, factor.as_ref(), at);
            }
            OperatorEvent::SignedOut { session, .. } => {
                if let Standing::Active { sessions } = &mut self.standing {
                    sessions.retain(|open| open.id != session);
                }
            }
            OperatorEvent::PasswordChanged { password, .. } => {
                self.password = password;
                self.two_factor.close_challenges();
            }
            OperatorEvent::Renamed { fullname, .. } => self.fullname = fullname,
            OperatorEvent::RoleChanged { role, .. } => self.role = role,
            OperatorEvent::Deactivated { .. } => {
                self.standing = Standing::Deactivated;
                self.two_factor.close_challenges();
            }
            OperatorEvent::Reactivated { .. } => self.standing = Standing::Active { sessions: Vec::new() },
            OperatorEvent::TwoFactorGenerated(it) => self.two_factor.evolve(Fact::Generated(it)),
            OperatorEvent::TwoFactorBound(it) => self.two_factor.evolve(Fact::Bound(it)),
            OperatorEvent::TwoFactorUnbound(it) => self.two_factor.evolve(Fact::Unbound(it)),
            OperatorEvent::TwoFactorReset(it) => self.two_factor.evolve(Fact::Reset(it)),
            OperatorEvent::TwoFactorChallenged(it) => self.two_factor.evolve(Fact::Challenged(it)),
            OperatorEvent::TwoFactorPassed(it) => self.two_factor.evolve(Fact::Passed(it)),
            OperatorEvent::TwoFactorRefused(it) => self.two_factor.evolve(Fact::Refused(it)),
        }
    }
}

impl Operator {
    /// What is known of it, once made.
    pub fn badge(&self) -> Option<&Badge> {
        match self {
            Self::Unwritten => None,
            Self::Known(badge) => Some(badge),
        }
    }

    /// What the roster has to learn when this state follows `before`.
    pub fn roster_change(&self, before: &Self, id: OperatorId) -> Option<RosterCommand> {
        let admin = |state: &Self| {
            state.badge().is_some_and(|badge| badge.is_active() && badge.role == OperatorRole::SuperAdmin)
        };
        match (admin(before), admin(self)) {
            (false, true) => Some(RosterCommand::Admit(id)),
            (true, false) => Some(RosterCommand::Dismiss(id)),
            (true, true) | (false, false) => None,
        }
    }

    /// Somebody who may sign in; to anybody else it looks as if there were nobody.
    fn at_work(&self, nobody: OperatorError) -> Result<&Badge, OperatorError> {
        let badge = self.badge().ok_or(nobody)?;
        if badge.is_active() { Ok(badge) } else { Err(OperatorError::Deactivated) }
    }

    fn sign_in(&self, session: PortalSession, at: Timestamp) -> Result<Vec<OperatorEvent>, OperatorError> {
        let badge = self.at_work(OperatorError::InvalidCredentials)?;
        if badge.two_factor.is_bound() {
            return Err(OperatorError::TwoFactor(TwoFactorError::Required));
        }
        Ok(badge.open(session, at))
    }

    fn sign_out(&self, session: SessionId, at: Timestamp) -> Result<Vec<OperatorEvent>, OperatorError> {
        let badge = self.badge().ok_or(OperatorError::NotFound)?;
        let open = badge.sessions(at).any(|open| open == session);
        let event = OperatorEvent::SignedOut { session, reason: SignOut::LoggedOut, at };
        Ok(open.then_some(event).into_iter().collect())
    }
}

impl Root for Operator {
    type Intent = OperatorCommand;
    type Refusal = OperatorError;
    const SNAPSHOT_SCHEMA: i32 = 3;

    fn decide(&self, issued: Issued<OperatorCommand>) -> Result<Vec<OperatorEvent>, OperatorError> {
        let at = issued.at;
        match issued.command {
            OperatorCommand::Create { fullname, email, email_index, password, role } => match self {
                Self::Unwritten => {
                    Ok(vec![OperatorEvent::Created { fullname, email, email_index, password, role, at }])
                }
                Self::Known(_) => Err(OperatorError::AlreadyCreated),
            },
            OperatorCommand::SignIn(session) => self.sign_in(session, at),
            OperatorCommand::SignOut { session } => self.sign_out(session, at),
            OperatorCommand::Update { fullname, role, active } => {
                let badge = self.badge().ok_or(OperatorError::NotFound)?;
                Ok(badge.update(fullname, role, active, at))
            }
            OperatorCommand::ChangePassword { checked, password } => {
                self.change_password(&checked, password, at)
            }
            OperatorCommand::Confirm(shown) => self.confirm(&shown, at),
            OperatorCommand::TwoFactor(TwoFactorCommand::Reset { grounds }) => self.reset_factor(grounds, at),
            OperatorCommand::TwoFactor(command) => {
                self.at_work(OperatorError::NotFound)?.second_factor(command, at)
            }
        }
    }

    fn evolve(&mut self, event: OperatorEvent) {
        match (&mut *self, event) {
            (_, OperatorEvent::Created { fullname, email, email_index, password, role, at }) => {
                *self = Self::Known(Box::new(Badge {
                    fullname,
                    email,
                    email_index,
                    password,
                    role,
                    standing: Standing::Active { sessions: Vec::new() },
                    two_factor: TwoFactor::default(),
                    created_at: at,
                }));
            }
            (Self::Known(badge), event) => badge.evolve(event),
            // Such a stream cannot be written; reading it changes nothing.
            (Self::Unwritten, _) => {}
        }
    }

    fn claims(&self) -> Vec<Claim> {
        self.badge().map(|badge| Claim::new(EMAIL, badge.email_index.as_str())).into_iter().collect()
    }

    fn taken(_: &Claim) -> OperatorError {
        OperatorError::EmailTaken
    }
}

hosted_by_cqrs_es!(Operator, OperatorCommand, OperatorEvent, OperatorError, "operator");
