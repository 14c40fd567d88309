//! What operators are refused, and with which code.

use thiserror::Error;

use super::WATCHERS_MAX;
use crate::{Code, Refusal};

/// Why nothing was done to a consumer or a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProjectionRefusal {
    /// Nothing has that name.
    #[error("there is no such projection; there are {}", .known.join(", "))]
    Unknown {
        /// All names.
        known: Vec<&'static str>,
    },
    /// What it writes leads to something outside, or is not kept in tables of its own.
    #[error("this one is no read model: it is never built anew")]
    NotRebuildable,
    /// It is built anew already.
    #[error("it is being built anew already, or returns to the tables of before")]
    UnderWay,
    /// There is no build to give up.
    #[error("there is no build to cancel")]
    NothingToCancel,
    /// There are no tables of before.
    #[error("there are no tables of before to return to")]
    NothingToReturnTo,
    /// The letter is gone, or never was.
    #[error("there is no such dead letter")]
    LetterGone,
    /// The consumer does not stand at the letter.
    #[error(
        "the projection does not stand at this dead letter; it is trying it, or stands before another one"
    )]
    NotNext,
    /// The process has no place for another one who watches.
    #[error("at most {WATCHERS_MAX} may watch the projections at once; please try again later")]
    TooManyWatch,
}

impl Refusal for ProjectionRefusal {
    fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } | Self::LetterGone => Code::NotFound,
            Self::NotRebuildable => Code::ValidationFailed,
            Self::UnderWay | Self::NothingToCancel | Self::NothingToReturnTo | Self::NotNext => {
                Code::Conflict
            }
            Self::TooManyWatch => Code::RateLimited,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } | Self::NotRebuildable => Some("name"),
            Self::LetterGone
            | Self::UnderWay
            | Self::NothingToCancel
            | Self::NothingToReturnTo
            | Self::NotNext
            | Self::TooManyWatch => None,
        }
    }
}
