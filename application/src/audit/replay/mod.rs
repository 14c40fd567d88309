//! The log played back: from any point, in its one order, as fast as was asked, and on into what
//! happens now without a gap or a repeat.
//!
//! A replay is pulled: it reads the next batch when the last one was taken, so that it holds one
//! batch however slowly its reader reads. It looks at the log as every consumer does, below the
//! oldest open transaction by (transaction, position), so that the end of history and the live tail
//! are one and the same reading. Hints only make it look sooner; polling is the guarantee.

mod eye;
mod gauge;
mod item;
mod manners;
mod pace;
mod play;
mod start;
mod tape;

use std::sync::Arc;

use domain::operator::OperatorRole;
use thiserror::Error;
use tokio::sync::Semaphore;

use self::eye::Eye;
pub use self::{
    gauge::{COUNT_EXACT_MAX, ReplayProgress},
    item::{ReplayFault, ReplayItem},
    pace::{SPEED_MAX, SPEED_MIN},
    play::{BATCH_EVENTS, PROGRESS_EVERY, Replay},
    tape::{AuditTape, End, Frame, Mark, Played, StoredEvent, Stretch, View},
};
use super::AuditFilter;
use crate::{
    Access, Answer, Answered, App, Caller, Code, Failure, Query, Refusal,
    ports::{Cursor, ReadModel, Signals},
};

/// Replays and exports that run at once in one process.
pub const REPLAYS_MAX: usize = 16;

/// A point of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Behind this place, as the start; up to and with it, as the end.
    At(Cursor),
    /// Not recorded before, as the start; not after, as the end.
    Time(domain::Timestamp),
}

/// What to play.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Where it begins: at the first event when absent.
    pub from: Option<Point>,
    /// Where it ends: never when absent.
    pub to: Option<Point>,
    /// Which events.
    pub filter: AuditFilter,
    /// How many times as fast as it happened: as fast as possible when absent.
    pub speed: Option<f64>,
}

/// Why a replay does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplayRefused {
    /// It would run backwards.
    #[error("from must not be after to")]
    Swapped,
    /// No event can have been there.
    #[error("{0} lies beyond the end of the log")]
    Beyond(&'static str),
    /// Zero, negative, no number, or too extreme to mean anything.
    #[error("speed must be between {SPEED_MIN} and {SPEED_MAX}")]
    Speed,
    /// The process has no place for another one.
    #[error("at most {REPLAYS_MAX} replays and exports may run at once; please try again later")]
    TooMany,
}

impl Refusal for ReplayRefused {
    fn code(&self) -> Code {
        match self {
            Self::Swapped | Self::Beyond(_) | Self::Speed => Code::ValidationFailed,
            Self::TooMany => Code::RateLimited,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Swapped => Some("from"),
            Self::Beyond(field) => Some(field),
            Self::Speed => Some("speed"),
            Self::TooMany => None,
        }
    }
}

/// Where replays begin.
pub struct Replays {
    tape: Arc<dyn AuditTape>,
    signals: Arc<dyn Signals>,
    places: Arc<Semaphore>,
}

impl Replays {
    /// Replays of this tape, woken over this wire.
    pub fn new(tape: Arc<dyn AuditTape>, signals: Arc<dyn Signals>) -> Arc<Self> {
        Arc::new(Self { tape, signals, places: Arc::new(Semaphore::new(REPLAYS_MAX)) })
    }
}

/// Stored events in order, at a speed, and on into the live tail.
#[derive(Debug, Clone, Default)]
pub struct AuditReplay(pub Wanted);

/// Stored events in order, as auditors see them, up to an end.
#[derive(Debug, Clone, Default)]
pub struct AuditExport(pub Wanted);

/// Stored events in order, exactly as they are stored: with what is sealed, and sealed.
#[derive(Debug, Clone, Default)]
pub struct AuditExportSealed(pub Wanted);

/// What a replay is asked for gives.
type Begun = Result<Replay, ReplayRefused>;

impl Query for AuditReplay {
    type Answer = Begun;
    const NAME: &'static str = "audit.replay";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
    fn about(&self) -> Option<String> {
        self.0.filter.about()
    }
}

impl Answer<AuditReplay> for App {
    async fn answer(&self, caller: &Caller, AuditReplay(wanted): AuditReplay) -> Answered<AuditReplay> {
        let eye = Eye::of(self, caller);
        self.replays.begin(wanted, Some(eye)).await.map_err(Failure::Unavailable)
    }
}

impl Query for AuditExport {
    type Answer = Begun;
    const NAME: &'static str = "audit.export";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
    fn about(&self) -> Option<String> {
        self.0.filter.about()
    }
}

impl Answer<AuditExport> for App {
    async fn answer(&self, caller: &Caller, AuditExport(wanted): AuditExport) -> Answered<AuditExport> {
        let eye = Eye::of(self, caller);
        self.replays.up_to_now(wanted, Some(eye)).await.map_err(Failure::Unavailable)
    }
}

impl Query for AuditExportSealed {
    type Answer = Begun;
    const NAME: &'static str = "audit.export_sealed";
    const ACCESS: Access = Access::Operator(OperatorRole::SuperAdmin);
    const READS: &'static [ReadModel] = &[];
    fn about(&self) -> Option<String> {
        self.0.filter.about()
    }
}

impl Answer<AuditExportSealed> for App {
    async fn answer(
        &self,
        _: &Caller,
        AuditExportSealed(wanted): AuditExportSealed,
    ) -> Answered<AuditExportSealed> {
        self.replays.up_to_now(wanted, None).await.map_err(Failure::Unavailable)
    }
}
