//! What operators do that leaves no other event, written down before it is done.
//!
//! The query bus does it for every query of operators; see [`Query::NOTED`](crate::Query::NOTED).
//! A command of operators that changes no aggregate calls [`App::note`] itself, before it acts.

use std::error::Error;

use domain::{
    Issued, StreamId,
    act::{Act, ActError, NoteAct},
};

use crate::{
    Aggregates, App, Caller, Code, Failure, Refusal,
    order::metadata,
    ports::{Clock, Cursor, Entropy, EventLog, Unit},
};

impl Refusal for ActError {
    fn code(&self) -> Code {
        match self {
            Self::AlreadyDone => Code::AlreadyExists,
        }
    }
}

/// Where acts are written down.
#[derive(Clone, Copy)]
pub struct Notes<'a> {
    /// The log.
    pub log: &'a dyn EventLog,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Ids.
    pub entropy: &'a dyn Entropy,
}

impl Notes<'_> {
    /// Writes down that `caller` does `name`, about what: ids and names of ours, never anything
    /// personal. Who cannot be written down does not act: the failure is to be passed on.
    pub async fn note<R: Error + 'static>(
        &self,
        caller: &Caller,
        name: &'static str,
        about: Option<String>,
    ) -> Result<Cursor, Failure<R>> {
        let stream = StreamId::global(self.entropy.id());
        let command = NoteAct { name: name.to_owned(), about };
        let issued = Issued { command, by: caller.actor, at: self.clock.now() };
        // A stream that nobody has: nothing to load, nothing to remember.
        let decision = Aggregates::<Act>::found(stream, issued).map_err(unwritten)?;
        let metadata = metadata(caller, name).map_err(Failure::Internal)?;
        let appended = self.log.append(Unit { appends: vec![decision.append], key: None, metadata }).await;
        appended.map(|it| it.cursor).map_err(|error| unwritten(Aggregates::<Act>::refused(error)))
    }
}

impl App {
    /// Where this application writes acts down.
    pub fn notes(&self) -> Notes<'_> {
        Notes { log: &*self.log, clock: &*self.clock, entropy: &*self.entropy }
    }

    /// Writes down that `caller` does `name`: see [`Notes::note`].
    pub async fn note<R: Error + 'static>(
        &self,
        caller: &Caller,
        name: &'static str,
        about: Option<String>,
    ) -> Result<Cursor, Failure<R>> {
        self.notes().note(caller, name, about).await
    }
}

/// Nobody else has the stream: a refusal is our fault.
fn unwritten<R: Error + 'static>(failure: Failure<ActError>) -> Failure<R> {
    match failure {
        Failure::Unavailable(cause) => Failure::Unavailable(cause),
        other => Failure::Internal(other.to_string().into()),
    }
}
