//! A replay as it runs.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use domain::Timestamp;
use futures_util::{Stream, stream};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{self, error::RecvError},
    },
    time::{Instant, sleep},
};

use super::{
    eye::Eye,
    gauge::{Gauge, ReplayProgress},
    item::{ReplayFault, ReplayItem},
    manners::Manners,
    pace::Pace,
    tape::{AuditTape, Frame, Mark, View},
};
use crate::{
    BoxError,
    audit::AuditFilter,
    ports::{Cursor, Signal},
};

/// Events looked at in one reading, and the most that a replay holds.
pub const BATCH_EVENTS: usize = 500;
/// The longest a replay is silent: then it says how far it is.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// How often the present is looked at while no hint comes.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The shortest pause between two looks at the present: a burst of hints is one look.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// The first pause before a reading that failed is tried again; it doubles up to a limit.
const RETRY_FIRST: Duration = Duration::from_millis(125);
const RETRY_MAX: Duration = PROGRESS_EVERY;
/// The newest event, whatever its transaction.
const NEWEST: Cursor = Cursor { tx: u64::MAX, position: i64::MAX };

/// Where a replay ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// Nowhere: it goes on as things happen.
    Never,
    /// With this place.
    At(Cursor),
    /// At a time that is still to come.
    Time(Timestamp),
}

impl Until {
    /// The place, when it is known.
    pub(super) fn known(self) -> Option<Cursor> {
        match self {
            Self::At(place) => Some(place),
            Self::Never | Self::Time(_) => None,
        }
    }
}

/// What a replay is made of.
pub(super) struct Parts {
    pub(super) tape: Arc<dyn AuditTape>,
    pub(super) hints: broadcast::Receiver<Signal>,
    pub(super) filter: AuditFilter,
    /// Whose eyes see the events; `None` for what is stored.
    pub(super) eye: Option<Eye>,
    pub(super) start: Cursor,
    pub(super) until: Until,
    pub(super) pace: Pace,
    pub(super) gauge: Gauge,
    /// The last event before the start.
    pub(super) before: Option<Mark>,
    /// The newest event of the range, as far as is known.
    pub(super) newest: Option<Mark>,
    /// Given back with the replay.
    pub(super) place: OwnedSemaphorePermit,
}

/// The batch that is being told.
#[derive(Default)]
struct Batch {
    frames: VecDeque<Frame>,
    looked_at: u64,
    last: Option<Mark>,
    whole: bool,
    /// Whether it had any events to tell.
    empty: bool,
}

/// A replay that has not been played yet.
pub struct Replay {
    tape: Arc<dyn AuditTape>,
    hints: broadcast::Receiver<Signal>,
    filter: AuditFilter,
    eye: Option<Eye>,
    until: Until,
    pace: Pace,
    manners: Manners,
    gauge: Gauge,
    newest: Option<Mark>,
    newest_at: Instant,
    batch: Batch,
    /// How many were looked at before the batch.
    base: u64,
    /// What was told last: resume here.
    at: Cursor,
    mark: Option<Mark>,
    /// Everything up to here is read.
    scanned: Cursor,
    said_at: Option<Instant>,
    looked_at: Instant,
    caught_up: bool,
    ended: bool,
    retry: Option<Duration>,
    _place: OwnedSemaphorePermit,
}

/// What a replay says next.
type Said = Result<ReplayItem, ReplayFault>;

impl Replay {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { tape, hints, filter, eye, start, until, pace, gauge, before, newest, place } = parts;
        let now = Instant::now();
        Self {
            tape,
            manners: Manners::new(hints.resubscribe()),
            hints,
            filter,
            eye,
            until,
            pace,
            gauge,
            newest,
            newest_at: now,
            batch: Batch::default(),
            base: 0,
            at: start,
            mark: before,
            scanned: start,
            said_at: None,
            looked_at: now,
            caught_up: false,
            ended: false,
            retry: None,
            _place: place,
        }
    }

    /// Behind which place it begins.
    pub fn start(&self) -> Cursor {
        self.at
    }

    /// First how much there is, then events in order with how far it is, and something at least
    /// every [`PROGRESS_EVERY`]. A fault is an item, and no end.
    pub fn items(self) -> impl Stream<Item = Said> + Send + 'static {
        stream::unfold(self, |mut replay| async move {
            let said = replay.next().await?;
            replay.said_at = Some(Instant::now());
            Some((said, replay))
        })
    }

    async fn next(&mut self) -> Option<Said> {
        if self.ended {
            return None;
        }
        // The first item is no fault: clients would take it for the refusal of the whole.
        if self.said_at.is_none() {
            return Some(Ok(self.progress(None)));
        }
        loop {
            if let Some(frame) = self.batch.frames.front() {
                let at = frame.recorded_at;
                let due = self.pace.wait(Instant::now(), at);
                let silence = self.silence_left();
                if due.is_zero() {
                    if self.pace.is_fastest() {
                        self.manners.rest().await;
                    }
                    if let Some(said) = self.tell_next().await {
                        return Some(said);
                    }
                    continue;
                }
                sleep(due.min(silence)).await;
                if silence <= due {
                    return Some(Ok(self.progress(Some(at))));
                }
                continue;
            }
            if let Some(item) = self.between_batches().await {
                return Some(item);
            }
            if let Err(source) = self.read().await
                && let Some(fault) = self.failed(source)
            {
                return Some(Err(fault));
            }
        }
    }

    /// The batch is told: what is to be said, or waited for, before the next one is read.
    async fn between_batches(&mut self) -> Option<Said> {
        self.settle();
        if self.until.known().is_some_and(|until| self.scanned >= until) {
            self.ended = true;
            self.gauge.all_done();
            return Some(Ok(self.progress(None)));
        }
        // While the log is away nobody knows whether the last reading still reaches the present.
        let known = self.retry.is_none() && self.batch.whole;
        let present = known && (self.pace.is_fastest() || self.batch.empty);
        if present && !self.caught_up && self.until.known().is_none() {
            self.caught_up = true;
            return Some(Ok(self.progress(None)));
        }
        if self.silence_left().is_zero() {
            return Some(Ok(self.progress(None)));
        }
        match self.retry {
            Some(pause) => sleep(pause.min(self.silence_left())).await,
            None if self.batch.whole => self.rest().await,
            None if self.pace.is_fastest() => self.manners.rest_from_reading().await,
            None => {}
        }
        None
    }

    /// Everything of the batch was looked at.
    fn settle(&mut self) {
        let Batch { looked_at, last, .. } = &mut self.batch;
        self.base += std::mem::take(looked_at);
        self.mark = last.take().or(self.mark);
        self.at = self.at.max(self.scanned);
        self.gauge.reached(Instant::now(), self.base);
    }

    async fn read(&mut self) -> Result<(), BoxError> {
        if let Until::Time(time) = self.until {
            let end = self.tape.end().await?;
            if end.now > time {
                self.until = Until::At(end.bound());
            }
        }
        let until = self.until.known();
        let view = if self.eye.is_some() { View::Shown } else { View::Stored };
        let stretch = self.tape.read(&self.filter, view, self.scanned, until, BATCH_EVENTS).await?;
        if let Some(eye) = &self.eye {
            eye.prepare(&stretch.frames).await?;
        }
        if !stretch.whole {
            self.caught_up = false;
            self.look_ahead().await?;
        }
        self.looked_at = Instant::now();
        self.retry = None;
        self.scanned = stretch.scanned;
        self.batch = Batch {
            empty: stretch.frames.is_empty(),
            frames: stretch.frames.into(),
            looked_at: stretch.looked_at,
            last: stretch.last,
            whole: stretch.whole,
        };
        Ok(())
    }

    /// Without an end, the newest event is the total, and it moves.
    async fn look_ahead(&mut self) -> Result<(), BoxError> {
        if self.until.known().is_none() && self.newest_at.elapsed() >= PROGRESS_EVERY {
            let newest = self.tape.last(NEWEST).await?;
            let position = |mark: Option<Mark>| mark.map_or(0, |mark| mark.cursor.position);
            let more = position(newest).saturating_sub(position(self.newest));
            self.gauge.grown(self.gauge.total().saturating_add_signed(more));
            (self.newest, self.newest_at) = (newest, Instant::now());
        }
        Ok(())
    }

    /// An outage is told once.
    fn failed(&mut self, source: BoxError) -> Option<ReplayFault> {
        self.caught_up = false;
        let before = self.retry;
        self.retry = Some(before.map_or(RETRY_FIRST, |pause| (pause * 2).min(RETRY_MAX)));
        if before.is_some() {
            tracing::debug!(error = source, "a replay still cannot read the log");
            return None;
        }
        let position = self.position();
        Some(ReplayFault::Away { cursor: self.at, position, source })
    }

    /// Waits in the present until something may have happened.
    async fn rest(&mut self) {
        let limit = LOOK_EVERY.min(self.silence_left());
        let hint = tokio::select! {
            hint = self.hints.recv() => Some(hint),
            () = sleep(limit) => None,
        };
        match hint {
            Some(Err(RecvError::Closed)) => sleep(limit).await,
            Some(Ok(_) | Err(RecvError::Lagged(_))) => {
                sleep(LOOK_PAUSE.saturating_sub(self.looked_at.elapsed())).await;
                self.hints = self.hints.resubscribe();
            }
            None => {}
        }
    }

    /// The next event, once it is as the caller may see it; `None` when nothing is to be said of an
    /// outage that was told already.
    async fn tell_next(&mut self) -> Option<Said> {
        if let (Some(eye), Some(frame)) = (&self.eye, self.batch.frames.front_mut())
            && let Err(source) = eye.see(frame).await
        {
            if let Some(fault) = self.failed(source) {
                return Some(Err(fault));
            }
            sleep(self.retry.unwrap_or(RETRY_FIRST).min(self.silence_left())).await;
            return self.silence_left().is_zero().then(|| Ok(self.progress(None)));
        }
        self.retry = None;
        let frame = self.batch.frames.pop_front()?;
        Some(self.tell(frame))
    }

    fn tell(&mut self, frame: Frame) -> Said {
        let Frame { cursor, recorded_at, nth, played } = frame;
        self.at = cursor;
        self.mark = Some(Mark { cursor, recorded_at });
        self.gauge.reached(Instant::now(), self.base + nth);
        match played {
            Ok(played) => Ok(ReplayItem { played: Some(played), ..self.progress(None) }),
            Err(source) => Err(ReplayFault::Unreadable { cursor, source }),
        }
    }

    /// How far it is; with the time of the next event, when that is what it waits for.
    fn progress(&mut self, next_event_at: Option<Timestamp>) -> ReplayItem {
        if self.caught_up {
            self.gauge.all_done();
        }
        let progress = ReplayProgress {
            position: self.position(),
            done: self.gauge.done(),
            total: self.gauge.total(),
            percent: self.gauge.percent(),
            rate: self.gauge.rate(Instant::now()),
            seconds_left: self.seconds_left(),
            caught_up: self.caught_up,
            next_event_at,
        };
        ReplayItem { cursor: self.at, played: None, progress }
    }

    fn seconds_left(&self) -> Option<f64> {
        match (self.pace.is_fastest(), self.mark, self.newest) {
            (false, Some(mark), Some(newest)) if !self.caught_up => {
                self.pace.between(mark.recorded_at, newest.recorded_at).map(|left| left.as_secs_f64())
            }
            (false, None, _) => None,
            _ => self.gauge.seconds_left(Instant::now()),
        }
    }

    fn position(&self) -> i64 {
        self.mark.map_or(0, |mark| mark.cursor.position)
    }

    /// How long it may stay silent still.
    fn silence_left(&self) -> Duration {
        self.said_at.map_or(Duration::ZERO, |said| PROGRESS_EVERY.saturating_sub(said.elapsed()))
    }
}
