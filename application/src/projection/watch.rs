//! The consumers for those who watch them: looked at again and again, by all of them together.
//!
//! Each watcher pulls, so that a slow one misses ticks and piles nothing up. However many there are,
//! the database is asked about once a tick.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Timestamp, operator::OperatorRole};
use futures_util::{Stream, stream};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use super::{ProjectionDesk, ProjectionRefusal, ProjectionRow};
use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Failure, Query,
    ports::{Clock, ReadModel},
};

/// How often a watcher is told.
pub const PROGRESS_TICK: Duration = Duration::from_secs(1);
/// Who may watch at once in one process.
pub const WATCHERS_MAX: usize = 64;
/// For how long all watchers share a look: shorter than a tick, so that one alone never sees the
/// same look twice.
const SHARED_FOR: Duration = Duration::from_millis(750);
/// A look that is dear, because many events are counted, is shared for so many times as long as it
/// took.
const REST_PER_LOOK: u32 = 4;
/// The longest that anything is shared: also that there was nothing to see.
const SHARED_MAX: Duration = Duration::from_secs(5);

/// The consumers at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionsSeen {
    /// When they were looked at.
    pub at: Timestamp,
    /// By name.
    pub rows: Vec<ProjectionRow>,
}

/// Where watchers look.
pub struct ProjectionWatch {
    desk: Arc<dyn ProjectionDesk>,
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
    last: Mutex<Option<Look>>,
}

/// A look, and what came of it: the consumers, or why there is nothing to see.
struct Look {
    begun: Instant,
    took: Duration,
    outcome: Result<Arc<ProjectionsSeen>, String>,
}

impl Look {
    fn is_fresh(&self) -> bool {
        self.begun.elapsed() < SHARED_FOR.max(self.took * REST_PER_LOOK).min(SHARED_MAX)
    }

    fn told(&self) -> Result<Arc<ProjectionsSeen>, BoxError> {
        self.outcome.clone().map_err(Into::into)
    }
}

impl ProjectionWatch {
    /// Watches what is on a desk.
    pub fn new(desk: Arc<dyn ProjectionDesk>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { desk, clock, places: Arc::new(Semaphore::new(WATCHERS_MAX)), last: Mutex::new(None) })
    }

    /// Somebody begins to watch: all consumers, or one. What cannot be seen now does not begin.
    pub async fn begin(
        self: &Arc<Self>,
        of: Option<String>,
    ) -> Result<Result<Watching, ProjectionRefusal>, BoxError> {
        let known = self.desk.known();
        if of.as_ref().is_some_and(|of| !known.contains(&of.as_str())) {
            return Ok(Err(ProjectionRefusal::Unknown { known: known.to_vec() }));
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Ok(Err(ProjectionRefusal::TooManyWatch));
        };
        self.look().await?;
        Ok(Ok(Watching { watch: Arc::clone(self), of, told_at: None, away: false, _place: place }))
    }

    /// One looks at a time, and whoever waited meanwhile sees the same.
    async fn look(&self) -> Result<Arc<ProjectionsSeen>, BoxError> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.is_fresh()) {
            return look.told();
        }
        let begun = Instant::now();
        let outcome = self.desk.list().await;
        let outcome = outcome.map(|rows| Arc::new(ProjectionsSeen { at: self.clock.now(), rows }));
        let outcome = outcome.map_err(|error| error.to_string());
        last.insert(Look { begun, took: begun.elapsed(), outcome }).told()
    }
}

/// The consumers, now and each [`PROGRESS_TICK`] from now on.
#[derive(Debug, Clone)]
pub struct WatchProjections {
    /// This one, or all.
    pub of: Option<String>,
}

impl Query for WatchProjections {
    type Answer = Result<Watching, ProjectionRefusal>;
    // Written down once, when somebody begins to watch: what follows is no act of anybody.
    const NAME: &'static str = "projection.watch";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
}

impl Answer<WatchProjections> for App {
    async fn answer(
        &self,
        _: &Caller,
        WatchProjections { of }: WatchProjections,
    ) -> Answered<WatchProjections> {
        self.watch.begin(of).await.map_err(Failure::Unavailable)
    }
}

/// Somebody who watches.
pub struct Watching {
    watch: Arc<ProjectionWatch>,
    of: Option<String>,
    told_at: Option<Instant>,
    away: bool,
    /// Given back with the rest.
    _place: OwnedSemaphorePermit,
}

impl Watching {
    /// The consumers at each tick. An outage is told once, and is no end.
    pub fn items(self) -> impl Stream<Item = Result<ProjectionsSeen, Failure>> + Send + 'static {
        stream::unfold(self, |mut watching| async move { Some((watching.next().await, watching)) })
    }

    async fn next(&mut self) -> Result<ProjectionsSeen, Failure> {
        loop {
            let since = self.told_at.map_or(PROGRESS_TICK, |told| told.elapsed());
            sleep(PROGRESS_TICK.saturating_sub(since)).await;
            self.told_at = Some(Instant::now());
            match self.watch.look().await {
                Ok(seen) => {
                    self.away = false;
                    return Ok(self.of_mine(&seen));
                }
                Err(source) if !std::mem::replace(&mut self.away, true) => {
                    return Err(Failure::Unavailable(source));
                }
                Err(source) => tracing::debug!(error = source, "consumers still cannot be looked at"),
            }
        }
    }

    fn of_mine(&self, seen: &ProjectionsSeen) -> ProjectionsSeen {
        let mine = |row: &&ProjectionRow| self.of.as_ref().is_none_or(|of| row.name == *of);
        ProjectionsSeen { at: seen.at, rows: seen.rows.iter().filter(mine).cloned().collect() }
    }
}
