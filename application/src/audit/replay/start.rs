//! From what was asked for to a replay that can run, or why not.

use std::sync::Arc;

use chrono::Duration;
use domain::Timestamp;
use tokio::time::Instant;

use super::{
    Point, ReplayRefused, Replays, Wanted,
    eye::Eye,
    gauge::{COUNT_EXACT_MAX, Gauge},
    pace::Pace,
    play::{Parts, Replay, Until},
    tape::{AuditTape, End},
};
use crate::{BoxError, audit::AuditFilter, ports::Cursor};

/// How much the times of events may run apart from their order: a transaction takes its place when
/// it begins to write, and no statement of ours runs longer than 15 s.
const OVERLAP_SECONDS: i64 = 60;

impl Replays {
    /// A replay that goes on into the present when it has no end.
    pub(super) async fn begin(
        &self,
        wanted: Wanted,
        eye: Option<Eye>,
    ) -> Result<Result<Replay, ReplayRefused>, BoxError> {
        let Some(pace) = Pace::of(wanted.speed) else { return Ok(Err(ReplayRefused::Speed)) };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Ok(Err(ReplayRefused::TooMany));
        };
        // What happens from here on is heard of, and read again anyway.
        let hints = self.signals.subscribe();
        let end = self.tape.end().await?;
        let range = match Range::of(&*self.tape, &wanted, end).await? {
            Ok(range) => range,
            Err(refused) => return Ok(Err(refused)),
        };
        let Range { start, until, filter } = range;
        let newest = self.tape.last(until.known().unwrap_or(end.bound())).await?;
        let total = total(&*self.tape, start, newest.map(|mark| mark.cursor)).await?;
        Ok(Ok(Replay::new(Parts {
            tape: Arc::clone(&self.tape),
            hints,
            filter,
            eye,
            start,
            until,
            pace,
            gauge: Gauge::new(Instant::now(), total),
            before: self.tape.last(start).await?,
            newest,
            place,
        })))
    }

    /// A replay that ends: where it was asked to, or with what there is now.
    pub(super) async fn up_to_now(
        &self,
        mut wanted: Wanted,
        eye: Option<Eye>,
    ) -> Result<Result<Replay, ReplayRefused>, BoxError> {
        let end = self.tape.end().await?;
        wanted.to = Some(match (wanted.to, wanted.filter.to) {
            (Some(Point::Time(time)), _) | (None, Some(time)) => Point::Time(time.min(end.now)),
            (Some(place), _) => place,
            (None, None) => Point::At(end.bound()),
        });
        self.begin(wanted, eye).await
    }
}

/// Which part of the log.
struct Range {
    start: Cursor,
    until: Until,
    filter: AuditFilter,
}

impl Range {
    async fn of(
        tape: &dyn AuditTape,
        wanted: &Wanted,
        end: End,
    ) -> Result<Result<Self, ReplayRefused>, BoxError> {
        let mut filter = wanted.filter.clone();
        for (point, field) in [(wanted.from, "from"), (wanted.to, "to")] {
            if let Some(Point::At(place)) = point
                && place.tx >= end.next_tx
            {
                return Ok(Err(ReplayRefused::Beyond(field)));
            }
        }
        if swapped(tape, wanted.from, wanted.to).await? {
            return Ok(Err(ReplayRefused::Swapped));
        }
        if let Some(Point::Time(time)) = wanted.from {
            if time > end.now {
                return Ok(Err(ReplayRefused::Beyond("from")));
            }
            filter.from = Some(filter.from.map_or(time, |from| from.max(time)));
        }
        if let Some(Point::Time(time)) = wanted.to {
            filter.to = Some(filter.to.map_or(time, |to| to.min(time)));
        }
        let mut start = match wanted.from {
            Some(Point::At(place)) => place,
            Some(Point::Time(_)) | None => Cursor::default(),
        };
        if let Some(time) = filter.from {
            start = start.max(first_of(tape, time, end).await?);
        }
        let until = match (wanted.to, filter.to) {
            (Some(Point::At(place)), None) => Until::At(place),
            (Some(Point::At(place)), Some(time)) => Until::At(place.min(last_of(tape, time, end).await?)),
            (_, Some(time)) if time > end.now => Until::Time(time),
            (_, Some(time)) => Until::At(last_of(tape, time, end).await?),
            (_, None) => Until::Never,
        };
        Ok(Ok(Self { start, until, filter }))
    }
}

/// Every event that was recorded from a time on is behind here.
async fn first_of(tape: &dyn AuditTape, time: Timestamp, end: End) -> Result<Cursor, BoxError> {
    match tape.place_of(shifted(time, -OVERLAP_SECONDS)).await? {
        Some(place) => Ok(place),
        None => Ok(tape.last(end.bound()).await?.map_or(Cursor::default(), |last| last.cursor)),
    }
}

/// Every event that was recorded up to a time that is over is up to here.
async fn last_of(tape: &dyn AuditTape, time: Timestamp, end: End) -> Result<Cursor, BoxError> {
    let place = tape.place_of(shifted(time, OVERLAP_SECONDS)).await?;
    Ok(place.map_or(end.bound(), |place| place.min(end.bound())))
}

async fn swapped(tape: &dyn AuditTape, from: Option<Point>, to: Option<Point>) -> Result<bool, BoxError> {
    let (Some(from), Some(to)) = (from, to) else { return Ok(false) };
    Ok(match (from, to) {
        (Point::At(from), Point::At(to)) => from > to,
        (Point::Time(from), Point::Time(to)) => from > to,
        (Point::At(from), Point::Time(to)) => {
            tape.last(from).await?.is_some_and(|last| last.recorded_at > to)
        }
        (Point::Time(from), Point::At(to)) => tape.last(to).await?.is_none_or(|last| last.recorded_at < from),
    })
}

/// As many as there are; of very many, as many as their running numbers say.
async fn total(tape: &dyn AuditTape, start: Cursor, newest: Option<Cursor>) -> Result<u64, BoxError> {
    let Some(newest) = newest.filter(|newest| *newest > start) else { return Ok(0) };
    let counted = tape.count(start, newest, COUNT_EXACT_MAX).await?;
    if counted < COUNT_EXACT_MAX {
        return Ok(counted);
    }
    let first = tape.first(start).await?.map_or(newest, |first| first.cursor);
    let spread = newest.position.saturating_sub(first.position).saturating_add(1);
    Ok(u64::try_from(spread).unwrap_or_default().max(counted))
}

/// Times that cannot be shifted are so far away that nothing is near them.
fn shifted(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add_signed(Duration::seconds(seconds)).unwrap_or(time)
}
