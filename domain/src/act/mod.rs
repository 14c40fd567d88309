//! An act: something an operator did that leaves no other event, as looking at somebody's data.
//!
//! Each has a stream of its own. There is nothing to decide about what was done already, no two
//! acts meet, and so none waits for another.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Claim, Issued, Root, Timestamp, shared::hosted_by_cqrs_es};

#[cfg(test)]
mod spec;

/// Something that an operator did. Who did it stands beside the event, as with every event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Act {
    /// It did not happen.
    #[default]
    Undone,
    /// It happened.
    Done {
        /// The name of the command or query: `audit.events`.
        name: String,
        /// What it was about; nothing personal.
        about: Option<String>,
        /// When.
        at: Timestamp,
    },
}

/// Writes down that something was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteAct {
    /// The name of the command or query: `audit.events`.
    pub name: String,
    /// What it was about; nothing personal.
    pub about: Option<String>,
}

/// What happened. Stored names are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ActEvent {
    /// An operator did it.
    #[serde(rename = "act.done")]
    Done {
        /// The name of the command or query.
        name: String,
        /// What it was about; nothing personal.
        about: Option<String>,
        /// When.
        at: Timestamp,
    },
}

/// Why an act is not written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ActError {
    /// Its stream holds one already.
    #[error("this act is written down already")]
    AlreadyDone,
}

impl DomainEvent for ActEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Done { .. } => "act.done".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Root for Act {
    type Intent = NoteAct;
    type Refusal = ActError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<NoteAct>) -> Result<Vec<ActEvent>, ActError> {
        let Issued { command: NoteAct { name, about }, at, .. } = issued;
        match self {
            Self::Undone => Ok(vec![ActEvent::Done { name, about, at }]),
            Self::Done { .. } => Err(ActError::AlreadyDone),
        }
    }

    fn evolve(&mut self, event: ActEvent) {
        match event {
            ActEvent::Done { name, about, at } => *self = Self::Done { name, about, at },
        }
    }

    fn taken(_: &Claim) -> ActError {
        ActError::AlreadyDone
    }
}

hosted_by_cqrs_es!(Act, NoteAct, ActEvent, ActError, "act");
