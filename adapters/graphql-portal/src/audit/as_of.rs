//! Lists as they were.

use adapter_web::{ContextExt, failed, problem, refused};
use application::{
    Code, Problem,
    audit::{END, Moment, PlaceOf},
    ports::Cursor,
};
use async_graphql::{Context, InputObject, Result};
use chrono::{DateTime, Utc};

use super::at::at_position;
use crate::terms::moment;

/// A moment of the past: exactly one of these.
#[derive(InputObject, Default)]
pub(crate) struct AsOf {
    /// After the event of the log with this running number; 0 is before the first.
    position: Option<String>,
    /// After what was recorded at this time or before. What is not over yet is now.
    time: Option<DateTime<Utc>>,
}

impl AsOf {
    /// Its place in the log.
    pub(crate) async fn place(self, ctx: &Context<'_>) -> Result<Cursor> {
        let at = match (self.position, self.time) {
            (Some(position), None) => at_position(&position)?,
            (None, Some(time)) => {
                moment(Some(time), "time")?;
                Moment::Time(time)
            }
            _ => {
                let message = "give exactly one of position and time";
                return Err(problem(Problem::new(Code::ValidationFailed, message).of_field("asOf")));
            }
        };
        let asked = PlaceOf { moment: at };
        ctx.app().ask(ctx.caller(), asked, ctx.after()).await.map_err(failed)?.map_err(refused)
    }
}

/// As new as the list has to be to show a place: as the request says, and never older than the place.
pub(crate) fn shown_at(ctx: &Context<'_>, place: Cursor) -> Option<Cursor> {
    let known = (place != END && place != Cursor::default()).then_some(place);
    ctx.after().max(known)
}
