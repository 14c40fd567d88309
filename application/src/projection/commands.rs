//! What operators may do. Each act is written down before it is done; workers carry it out.

use domain::operator::OperatorRole;
use serde::Serialize;

use super::{DeadLetter, Hand, ProjectionAct, ProjectionRefusal, ProjectionRow, Settle};
use crate::{
    Access, App, Caller, Command, Handle, Outcome, Terms,
    bus::Done,
    ports::{Cursor, ReadModel, Visibility},
};

/// A consumer after an act, and where the act is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionChanged {
    /// The consumer.
    pub row: ProjectionRow,
    /// The place of the note in the log.
    pub cursor: Cursor,
}

/// A dead letter after an act, and where the act is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetterSettled {
    /// The letter.
    pub letter: DeadLetter,
    /// The place of the note in the log.
    pub cursor: Cursor,
}

macro_rules! done {
    ($($output:ty),*) => {$(
        impl Done for $output {
            fn cursor(&self) -> Option<Cursor> {
                Some(self.cursor)
            }
            // Nothing is waited for: no read model shows acts.
            fn seen(&mut self, _: Visibility) {}
        }
    )*};
}
done!(ProjectionChanged, DeadLetterSettled);

macro_rules! act {
    ($(#[$doc:meta])* $command:ident, $act:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize)]
        pub struct $command {
            /// Which.
            pub name: String,
        }

        impl Command for $command {
            type Output = ProjectionChanged;
            type Rejection = ProjectionRefusal;
            const NAME: &'static str = ProjectionAct::$act.name();
            const ACCESS: Access = Access::Operator(OperatorRole::Operations);
            const SHOWN_IN: &'static [ReadModel] = &[];
        }

        impl Handle<$command> for App {
            async fn handle(&self, caller: &Caller, command: $command, _: Terms) -> Outcome<$command> {
                self.hand().act(caller, &command.name, ProjectionAct::$act).await
            }
        }
    };
}

act!(/** Stops a consumer between two batches. */ PauseProjection, Pause);
act!(/** Lets a consumer go on; what halted it is tried again. */
    ResumeProjection, Resume);
act!(/** Builds a read model anew beside the serving one, and lets it serve. */
    RebuildProjection, Rebuild);
act!(/** Gives up a build that does not serve yet. */ CancelRebuild, Cancel);
act!(/** Lets the tables of before the last build serve again. */
    RollbackProjection, Return);

macro_rules! settle {
    ($(#[$doc:meta])* $command:ident, $how:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize)]
        pub struct $command {
            /// Which, as [`DeadLetterId`](super::DeadLetterId) is written.
            pub id: String,
        }

        impl Command for $command {
            type Output = DeadLetterSettled;
            type Rejection = ProjectionRefusal;
            const NAME: &'static str = Settle::$how.name();
            const ACCESS: Access = Access::Operator(OperatorRole::Operations);
            const SHOWN_IN: &'static [ReadModel] = &[];
        }

        impl Handle<$command> for App {
            async fn handle(&self, caller: &Caller, command: $command, _: Terms) -> Outcome<$command> {
                self.hand().settle(caller, &command.id, Settle::$how).await
            }
        }
    };
}

settle!(/** Tries a dead letter again, and what waits behind it in its stream. */
    RetryDeadLetter, Retry);
settle!(/** Passes over a dead letter for good. */ DiscardDeadLetter, Discard);

impl App {
    fn hand(&self) -> Hand<'_> {
        Hand { desk: &*self.projections, notes: self.notes() }
    }
}
