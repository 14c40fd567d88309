//! Where in the log a moment is, for lists as they were.

use domain::operator::OperatorRole;

use super::{Moment, MomentError};
use crate::{
    Access, Answer, Answered, App, Caller, Failure, Query,
    ports::{Cursor, ReadModel},
};

/// The place of a moment.
#[derive(Debug, Clone, Copy)]
pub struct PlaceOf {
    /// Which moment.
    pub moment: Moment,
}

impl Query for PlaceOf {
    type Answer = Result<Cursor, MomentError>;
    const NAME: &'static str = "audit.place_of";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::AuditList];
    // It shows nothing: the list as it was there is written down.
    const NOTED: bool = false;
}

impl Answer<PlaceOf> for App {
    async fn answer(&self, _: &Caller, query: PlaceOf) -> Answered<PlaceOf> {
        self.place_of(query.moment).await.map_err(Failure::Unavailable)
    }
}
