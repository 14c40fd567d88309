//! What a replay says.

use thiserror::Error;

use super::{gauge::ReplayProgress, tape::Played};
use crate::{BoxError, Code, Problem, ports::Cursor};

/// An event, or only how far a replay is.
#[derive(Debug)]
pub struct ReplayItem {
    /// Its place: resume here.
    pub cursor: Cursor,
    /// An event; none where it only says how far it is.
    pub played: Option<Played>,
    /// How far it is.
    pub progress: ReplayProgress,
}

/// What went wrong at a place. The replay goes on behind it, or as soon as it can.
#[derive(Debug, Error)]
pub enum ReplayFault {
    /// The event at this place cannot be read. The next item is behind it.
    #[error("the event at this position cannot be read")]
    Unreadable {
        /// The place of the event.
        cursor: Cursor,
        /// Why.
        source: BoxError,
    },
    /// The log is away behind this place. The replay goes on as soon as it is back.
    #[error("the log cannot be read now; the replay goes on when it can")]
    Away {
        /// The last place that was told.
        cursor: Cursor,
        /// The running number of the last event that was told.
        position: i64,
        /// Why.
        source: BoxError,
    },
}

impl ReplayFault {
    /// Resume here.
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Unreadable { cursor, .. } | Self::Away { cursor, .. } => *cursor,
        }
    }

    /// The running number it speaks of.
    pub fn position(&self) -> i64 {
        match self {
            Self::Unreadable { cursor, .. } => cursor.position,
            Self::Away { position, .. } => *position,
        }
    }
}

impl From<ReplayFault> for Problem {
    fn from(fault: ReplayFault) -> Self {
        let message = fault.to_string();
        let (code, cause) = match fault {
            ReplayFault::Unreadable { source, .. } => (Code::Internal, source),
            ReplayFault::Away { source, .. } => (Code::Unavailable, source),
        };
        Self { cause: Some(cause), ..Self::new(code, message) }
    }
}
