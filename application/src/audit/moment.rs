//! Moments of the past, and where in the log they are.

use domain::Timestamp;
use thiserror::Error;

use super::{Located, reading::FOLD_EVENTS_MAX};
use crate::{App, BoxError, Code, Refusal, ports::Cursor};

/// A place behind everything there ever will be.
pub const END: Cursor = Cursor { tx: i64::MAX.unsigned_abs(), position: i64::MAX };

/// A moment of the whole log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Just after the event with this position; 0 is before all of them.
    Position(i64),
    /// After the last event that was recorded at this time or before.
    Time(Timestamp),
}

/// Why there is no such moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MomentError {
    /// Positions are not negative.
    #[error("position must be 0 or more")]
    PositionNegative,
    /// The log is not as long.
    #[error("position is beyond the end of the log: the last one is {last}")]
    PositionBeyondEnd {
        /// The highest position there is.
        last: i64,
    },
    /// Versions are not negative.
    #[error("version must be 0 or more")]
    VersionNegative,
    /// The thing has fewer.
    #[error("version is beyond the last one, which is {last}")]
    VersionBeyondEnd {
        /// The thing's version.
        last: i64,
    },
    /// Its state would have to be folded from too much.
    #[error(
        "the state of version {version} is folded from more than {FOLD_EVENTS_MAX} events; ask for a version {}",
        within_reach(*.kept)
    )]
    TooManyEvents {
        /// The version that was asked for, or that it had at the moment.
        version: i64,
        /// The version whose state is kept; 0 where none is.
        kept: i64,
    },
}

/// The versions that can be asked for.
fn within_reach(kept: i64) -> String {
    let first = format!("up to {FOLD_EVENTS_MAX}");
    if kept == 0 { first } else { format!("{first}, or one from {kept} to {}", kept + FOLD_EVENTS_MAX) }
}

impl Refusal for MomentError {
    fn code(&self) -> Code {
        Code::ValidationFailed
    }
    fn field(&self) -> Option<&'static str> {
        match self {
            Self::PositionNegative | Self::PositionBeyondEnd { .. } => Some("position"),
            Self::VersionNegative | Self::VersionBeyondEnd { .. } | Self::TooManyEvents { .. } => {
                Some("version")
            }
        }
    }
}

impl App {
    /// The last place of the log that belongs to a moment. A time that is not yet over is now.
    pub(crate) async fn place_of(&self, moment: Moment) -> Result<Result<Cursor, MomentError>, BoxError> {
        Ok(match moment {
            Moment::Position(..0) => Err(MomentError::PositionNegative),
            Moment::Position(0) => Ok(Cursor::default()),
            Moment::Position(position) => match self.audit.locate(position).await? {
                Located::At(cursor) => Ok(cursor),
                Located::BeyondEnd { last } => Err(MomentError::PositionBeyondEnd { last }),
            },
            Moment::Time(time) if time >= self.clock.now() => Ok(END),
            Moment::Time(time) => Ok(self.audit.place_at(time).await?),
        })
    }
}
