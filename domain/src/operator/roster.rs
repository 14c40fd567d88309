//! The roster: which operators are active `SUPER_ADMIN`s. One stream for the whole deployment.
//!
//! Whether somebody is the *last* one cannot be decided in the stream of one operator. So every
//! change that makes or unmakes one is stored together with its entry here: of two that happen at
//! the same time, one finds the roster changed, and is decided anew.

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::OperatorError;
use crate::{Claim, Issued, OperatorId, Root, StreamId, Timestamp, shared::hosted_by_cqrs_es};

/// The active `SUPER_ADMIN`s.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    admins: BTreeSet<OperatorId>,
}

/// Everything that can be asked of the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RosterCommand {
    /// This operator becomes an active `SUPER_ADMIN`.
    Admit(OperatorId),
    /// This operator is one no more.
    Dismiss(OperatorId),
}

/// What happened to the roster. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum RosterEvent {
    /// An operator became an active `SUPER_ADMIN`.
    #[serde(rename = "operator_roster.admitted")]
    Admitted { operator: OperatorId, at: Timestamp },
    /// An operator is an active `SUPER_ADMIN` no more.
    #[serde(rename = "operator_roster.dismissed")]
    Dismissed { operator: OperatorId, at: Timestamp },
}

impl DomainEvent for RosterEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Admitted { .. } => "operator_roster.admitted".to_owned(),
            Self::Dismissed { .. } => "operator_roster.dismissed".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Roster {
    /// The one stream of the roster.
    pub fn stream() -> StreamId {
        StreamId::global(Uuid::nil())
    }
}

impl Root for Roster {
    type Intent = RosterCommand;
    type Refusal = OperatorError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<RosterCommand>) -> Result<Vec<RosterEvent>, OperatorError> {
        let at = issued.at;
        match issued.command {
            RosterCommand::Admit(operator) if self.admins.contains(&operator) => Ok(Vec::new()),
            RosterCommand::Admit(operator) => Ok(vec![RosterEvent::Admitted { operator, at }]),
            RosterCommand::Dismiss(operator) => {
                if self.admins.iter().all(|admin| *admin == operator) {
                    return Err(OperatorError::LastSuperAdmin);
                }
                let known = self.admins.contains(&operator);
                Ok(known.then_some(RosterEvent::Dismissed { operator, at }).into_iter().collect())
            }
        }
    }

    fn evolve(&mut self, event: RosterEvent) {
        match event {
            RosterEvent::Admitted { operator, .. } => {
                self.admins.insert(operator);
            }
            RosterEvent::Dismissed { operator, .. } => {
                self.admins.remove(&operator);
            }
        }
    }

    fn taken(_: &Claim) -> OperatorError {
        OperatorError::AlreadyCreated
    }
}

hosted_by_cqrs_es!(Roster, RosterCommand, RosterEvent, OperatorError, "operator_roster");
