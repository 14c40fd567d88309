//! What can be asked about consumers.

use domain::operator::OperatorRole;

use super::{DeadLetter, DeadLetterId, ProjectionRow};
use crate::{Access, Answer, Answered, App, Caller, Failure, Page, Query, Window, ports::ReadModel};

/// All consumers.
#[derive(Debug, Clone)]
pub struct Projections;

impl Query for Projections {
    type Answer = Vec<ProjectionRow>;
    const NAME: &'static str = "projection.list";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
}

impl Answer<Projections> for App {
    async fn answer(&self, _: &Caller, Projections: Projections) -> Answered<Projections> {
        self.projections.list().await.map_err(Failure::Unavailable)
    }
}

/// A page of dead letters, in the order of the log.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// Of this consumer, or of all.
    pub of: Option<String>,
    /// Which of them.
    pub window: Window<DeadLetterId>,
}

impl Query for DeadLetters {
    type Answer = Page<DeadLetter, DeadLetterId>;
    const NAME: &'static str = "dead_letter.list";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
}

impl Answer<DeadLetters> for App {
    async fn answer(&self, _: &Caller, query: DeadLetters) -> Answered<DeadLetters> {
        self.projections.letters(query.of.as_deref(), &query.window).await.map_err(Failure::Unavailable)
    }
}

/// How many dead letters there are.
#[derive(Debug, Clone)]
pub struct CountDeadLetters {
    /// Of this consumer, or of all.
    pub of: Option<String>,
}

impl Query for CountDeadLetters {
    type Answer = i64;
    const NAME: &'static str = "dead_letter.count";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
    // The count of a connection: the page beside it is written down.
    const NOTED: bool = false;
}

impl Answer<CountDeadLetters> for App {
    async fn answer(&self, _: &Caller, query: CountDeadLetters) -> Answered<CountDeadLetters> {
        self.projections.count_letters(query.of.as_deref()).await.map_err(Failure::Unavailable)
    }
}
