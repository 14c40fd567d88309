//! What a thing was at a point: its stream, folded up to there within bounds.
//!
//! A stream may be longer than anybody should fold for one answer. It is read in pieces, so that
//! neither memory nor a thread is held by a long one, and only so far as [`FOLD_EVENTS_MAX`] says.
//! Whatever is within reach of the first event is folded from there, from nothing but events. Only
//! beyond does the state help that commands keep beside their streams.

use domain::StreamId;
use serde_json::Value;
use uuid::Uuid;

use super::{Kind, MomentError, Point, Seen, fold::Folding};
use crate::{App, Caller, Failure, aggregates::broken, ports::Cursor, user::sealed};

/// The most events that are folded for one point.
pub const FOLD_EVENTS_MAX: i64 = 50_000;
/// Events that are held at once.
const PIECE_EVENTS: i64 = 200;

/// What is asked for, or why there is no such point.
type Found<T> = Result<Result<T, MomentError>, Failure>;

/// Whose past is read, and for whom.
pub(super) struct Reading<'a> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) kind: &'static Kind,
    pub(super) id: Uuid,
    pub(super) stream: &'a StreamId,
}

/// The place of an event, and when it was recorded.
type Last = (Cursor, domain::Timestamp);

impl Reading<'_> {
    /// What the thing was at a point: as the caller may see it, and as it is stored.
    pub(super) async fn at(&self, point: Point) -> Found<(Seen, Value)> {
        let version = match self.version(point).await? {
            Ok(0) => return Ok(Ok((Seen { version: 0, last: None, state: Value::Null }, Value::Null))),
            Ok(version) => version,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut folding = match self.begin(version).await? {
            Ok(folding) => folding,
            Err(refused) => return Ok(Err(refused)),
        };
        let last = self.fold(&mut *folding, version).await?;
        let stored = folding.state().map_err(Failure::Internal)?;
        let state = self.app.shown(self.caller, Some(self.id), &stored).await.map_err(sealed)?;
        Ok(Ok((Seen { version, last: Some(last), state }, stored)))
    }

    /// Which version it had.
    async fn version(&self, point: Point) -> Found<i64> {
        let place = match point {
            Point::Version(..0) => return Ok(Err(MomentError::VersionNegative)),
            Point::Version(_) => None,
            Point::Moment(moment) => match self.app.place_of(moment).await.map_err(Failure::Unavailable)? {
                Ok(place) => Some(place),
                Err(refused) => return Ok(Err(refused)),
            },
        };
        let version = self.app.audit.version(self.kind.name, self.stream, place).await;
        let last = version.map_err(Failure::Unavailable)?;
        Ok(match point {
            Point::Version(wanted) if wanted > last => Err(MomentError::VersionBeyondEnd { last }),
            Point::Version(wanted) => Ok(wanted),
            Point::Moment(_) => Ok(last),
        })
    }

    /// Where folding begins.
    async fn begin(&self, version: i64) -> Found<Box<dyn Folding>> {
        if version <= FOLD_EVENTS_MAX {
            return Ok(Ok(self.kind.begin()));
        }
        let kept = self.app.log.snapshot(self.kind.name, self.stream).await.map_err(broken)?;
        let kept_at = kept.as_ref().map_or(0, |kept| kept.sequence);
        let near = kept.filter(|kept| (version - FOLD_EVENTS_MAX..=version).contains(&kept.sequence));
        let folding = near.and_then(|kept| self.kind.go_on(kept));
        Ok(folding.ok_or(MomentError::TooManyEvents { version, kept: kept_at }))
    }

    /// Folds up to a version that there is; the place of its event.
    async fn fold(&self, folding: &mut dyn Folding, version: i64) -> Result<Last, Failure> {
        // Of a state that was kept at this very version, only the place is read.
        let mut at = folding.version().min(version - 1);
        let mut last = None;
        while at < version {
            let upto = version.min(at + PIECE_EVENTS);
            let events = self.app.audit.events(self.kind.name, self.stream, at, upto).await;
            let events = events.map_err(Failure::Unavailable)?;
            last = events.last().map(|event| (event.cursor, event.recorded_at));
            if folding.version() < upto {
                let events = events.into_iter().map(|stored| stored.event).collect();
                folding.add(events).map_err(Failure::Internal)?;
            }
            if folding.version() != upto {
                let hole = format!("{} {} ends at {}", self.kind.name, self.stream, folding.version());
                return Err(Failure::Internal(hole.into()));
            }
            at = upto;
        }
        last.ok_or_else(|| {
            Failure::Internal(format!("{} {} has no {version}", self.kind.name, self.stream).into())
        })
    }
}
