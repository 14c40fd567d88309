//! Consumers of the log under an operator's hand: how far each came, what stopped it, and what is to
//! become of it. The read models among them may be built anew while they serve.

mod commands;
mod hand;
mod letter;
mod queries;
mod refusal;
mod row;
mod watch;

use async_trait::async_trait;

pub use commands::{
    CancelRebuild, DeadLetterSettled, DiscardDeadLetter, PauseProjection, ProjectionChanged,
    RebuildProjection, ResumeProjection, RetryDeadLetter, RollbackProjection,
};
pub use hand::Hand;
pub use letter::{DeadLetter, DeadLetterId};
pub use queries::{CountDeadLetters, DeadLetters, Projections};
pub use refusal::ProjectionRefusal;
pub use row::{Build, BuildPhase, ProjectionRow, ProjectionState};
pub use watch::{PROGRESS_TICK, ProjectionWatch, ProjectionsSeen, WATCHERS_MAX, WatchProjections, Watching};

use crate::{BoxError, Page, Window};

/// More unread events than these are not counted.
pub const LAG_COUNTED_MAX: i64 = 100_000;

/// What may be done to a consumer as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProjectionAct {
    /// Stop it between two batches.
    Pause,
    /// Let it go on; what halted it is tried again.
    Resume,
    /// Build its tables anew beside those that serve, and let them serve.
    Rebuild,
    /// Give a build up that does not serve yet, or a return to the tables of before.
    Cancel,
    /// Let the tables of before the last build serve again.
    Return,
}

impl ProjectionAct {
    /// The name of the command: what is written down of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => "projection.pause",
            Self::Resume => "projection.resume",
            Self::Rebuild => "projection.rebuild",
            Self::Cancel => "projection.cancel",
            Self::Return => "projection.rollback",
        }
    }
}

/// What may be done to a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settle {
    /// Try it again, and what waits behind it in its stream, in order.
    Retry,
    /// Pass over it for good: no read model will ever show it.
    Discard,
}

impl Settle {
    /// The name of the command: what is written down of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "dead_letter.retry",
            Self::Discard => "dead_letter.discard",
        }
    }
}

/// What an act comes to: done, or a rule said no.
pub type Settled<T> = Result<Result<T, ProjectionRefusal>, BoxError>;

/// The consumers as operators see them, and what they may do to them.
#[async_trait]
pub trait ProjectionDesk: Send + Sync + 'static {
    /// The names of all consumers, sorted.
    fn known(&self) -> &[&'static str];
    /// All consumers, by name.
    async fn list(&self) -> Result<Vec<ProjectionRow>, BoxError>;
    /// Asks for something; workers do it. The consumer as it is then.
    async fn act(&self, name: &str, act: ProjectionAct) -> Settled<ProjectionRow>;
    /// A page of dead letters, of one consumer or of all, in the order of the log.
    async fn letters(
        &self,
        of: Option<&str>,
        window: &Window<DeadLetterId>,
    ) -> Result<Page<DeadLetter, DeadLetterId>, BoxError>;
    /// How many there are.
    async fn count_letters(&self, of: Option<&str>) -> Result<i64, BoxError>;
    /// Settles a dead letter. The letter as it was, or is.
    async fn settle(&self, id: &DeadLetterId, how: Settle) -> Settled<DeadLetter>;
}
