//! An operator's hand, on a surface or on the command line: what it does is written down first.

use super::{
    DeadLetterId, DeadLetterSettled, ProjectionAct, ProjectionChanged, ProjectionDesk, ProjectionRefusal,
    Settle, Settled,
};
use crate::{Caller, Failure, act::Notes};

/// The desk, and where acts at it are written down.
#[derive(Clone, Copy)]
pub struct Hand<'a> {
    /// Where acts are asked for.
    pub desk: &'a dyn ProjectionDesk,
    /// Where they are written down.
    pub notes: Notes<'a>,
}

impl Hand<'_> {
    /// Acts on a consumer.
    pub async fn act(
        &self,
        caller: &Caller,
        name: &str,
        act: ProjectionAct,
    ) -> Result<ProjectionChanged, Failure<ProjectionRefusal>> {
        // Only names of ours are written down.
        let known = self.desk.known();
        let Some(name) = known.iter().find(|known| **known == name) else {
            return Err(Failure::Rejected(ProjectionRefusal::Unknown { known: known.to_vec() }));
        };
        let cursor = self.notes.note(caller, act.name(), Some((*name).to_owned())).await?;
        Ok(ProjectionChanged { row: settled(self.desk.act(name, act).await)?, cursor })
    }

    /// Settles a dead letter, by its id as text.
    pub async fn settle(
        &self,
        caller: &Caller,
        id: &str,
        how: Settle,
    ) -> Result<DeadLetterSettled, Failure<ProjectionRefusal>> {
        let gone = || Failure::Rejected(ProjectionRefusal::LetterGone);
        let id: DeadLetterId = id.parse().map_err(|_| gone())?;
        if !self.desk.known().contains(&id.projection.as_str()) {
            return Err(gone());
        }
        let cursor = self.notes.note(caller, how.name(), Some(id.to_string())).await?;
        Ok(DeadLetterSettled { letter: settled(self.desk.settle(&id, how).await)?, cursor })
    }
}

fn settled<T>(outcome: Settled<T>) -> Result<T, Failure<ProjectionRefusal>> {
    outcome.map_err(Failure::Unavailable)?.map_err(Failure::Rejected)
}
