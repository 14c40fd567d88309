//! Operators: the portal's own identities. They have no link to users.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BlindIndex, Claim, Issued, Root, Sealed, SessionId, Timestamp, shared::hosted_by_cqrs_es};

/// The scope in which operators' e-mail addresses are unique.
pub const EMAIL: &str = "operator.email";

/// What an operator may do on the portal. The order is the order of might.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperatorRole {
    /// Reads.
    Support,
    /// Also acts on users, todos, projections and jobs.
    Operations,
    /// Also manages tenants and operators and erases users.
    SuperAdmin,
}

impl OperatorRole {
    /// The name in tokens and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Support => "SUPPORT",
            Self::Operations => "OPERATIONS",
            Self::SuperAdmin => "SUPER_ADMIN",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Support, Self::Operations, Self::SuperAdmin].into_iter().find(|role| role.name() == name)
    }
}

/// An operator's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Nobody made it yet.
    #[default]
    Unwritten,
    /// Works on the portal.
    Active(Badge),
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
    /// Since when.
    pub created_at: Timestamp,
}

/// Everything that can be asked of an operator.
#[derive(Debug, Clone)]
pub enum OperatorCommand {
    /// Make one. Personal data comes sealed with the new operator's own key.
    Create {
        /// Full name, sealed.
        fullname: Sealed,
        /// E-mail address, sealed.
        email: Sealed,
        /// To look the e-mail address up.
        email_index: BlindIndex,
        /// The hash of the password, sealed.
        password: Sealed,
        /// What the operator may do.
        role: OperatorRole,
    },
    /// Open a session; the password was checked.
    SignIn {
        /// Its id.
        session: SessionId,
        /// Until when its token works.
        expires_at: Timestamp,
    },
}

/// What happened to an operator. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum OperatorEvent {
    /// It was made.
    #[serde(rename = "operator.created")]
    Created {
        fullname: Sealed,
        email: Sealed,
        email_index: BlindIndex,
        password: Sealed,
        role: OperatorRole,
        at: Timestamp,
    },
    /// It signed in.
    #[serde(rename = "operator.signed_in")]
    SignedIn { session: SessionId, expires_at: Timestamp, at: Timestamp },
}

impl DomainEvent for OperatorEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Created { .. } => "operator.created",
            Self::SignedIn { .. } => "operator.signed_in",
        };
        name.to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why an operator refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OperatorError {
    /// The id is in use.
    #[error("this operator exists already")]
    AlreadyCreated,
    /// Another operator has it.
    #[error("an operator with this email exists already")]
    EmailTaken,
    /// Unknown operator or wrong password: never said which.
    #[error("Invalid credentials")]
    InvalidCredentials,
}

impl Operator {
    /// What is known of it, once made.
    pub fn badge(&self) -> Option<&Badge> {
        match self {
            Self::Unwritten => None,
            Self::Active(badge) => Some(badge),
        }
    }
}

impl Root for Operator {
    type Intent = OperatorCommand;
    type Refusal = OperatorError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<OperatorCommand>) -> Result<Vec<OperatorEvent>, OperatorError> {
        let at = issued.at;
        match (self, issued.command) {
            (Self::Unwritten, OperatorCommand::Create { fullname, email, email_index, password, role }) => {
                Ok(vec![OperatorEvent::Created { fullname, email, email_index, password, role, at }])
            }
            (Self::Active(_), OperatorCommand::Create { .. }) => Err(OperatorError::AlreadyCreated),
            (Self::Active(_), OperatorCommand::SignIn { session, expires_at }) => {
                Ok(vec![OperatorEvent::SignedIn { session, expires_at, at }])
            }
            (Self::Unwritten, OperatorCommand::SignIn { .. }) => Err(OperatorError::InvalidCredentials),
        }
    }

    fn evolve(&mut self, event: OperatorEvent) {
        match event {
            OperatorEvent::Created { fullname, email, email_index, password, role, at } => {
                *self = Self::Active(Badge { fullname, email, email_index, password, role, created_at: at });
            }
            OperatorEvent::SignedIn { .. } => {}
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
