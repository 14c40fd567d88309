//! What is remembered of streams, and for how long it holds.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use domain::StreamId;
use quick_cache::{UnitWeighter, sync::Cache};

use super::STALE_MAX;

/// Answers kept, for each kind of caller.
const REMEMBERED_MAX: u64 = 20_000;
/// Room made for them at the start.
const REMEMBERED_FIRST: usize = 64;

/// How far the follower of the deciding streams came.
#[derive(Default)]
pub struct Followed(Mutex<Option<Instant>>);

impl Followed {
    /// Everything that was committed before `moment` has been told.
    pub fn until(&self, moment: Instant) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Some(moment));
    }

    /// Whether the follower keeps up.
    fn keeps_up(&self) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until.elapsed() < STALE_MAX)
    }
}

/// An answer, and when it was asked for.
type Entry<T> = (Arc<T>, Instant);

/// Answers by the stream they were read from.
pub(super) struct Memory<T> {
    cache: Cache<StreamId, Entry<T>>,
    followed: Arc<Followed>,
    /// Counts what was forgotten: an answer that was under way meanwhile is not remembered.
    forgotten: Mutex<u64>,
}

/// An answer that is being read.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    forgotten: u64,
    at: Instant,
}

impl<T> Memory<T> {
    pub(super) fn new(followed: Arc<Followed>) -> Self {
        let cache = Cache::with_weighter(REMEMBERED_FIRST, REMEMBERED_MAX, UnitWeighter);
        Self { cache, followed, forgotten: Mutex::new(0) }
    }

    /// The answer, when it is remembered and still holds.
    pub(super) fn get(&self, stream: &StreamId) -> Option<Arc<T>> {
        let (answer, asked_at) = self.cache.get(stream)?;
        let holds = self.followed.keeps_up() || asked_at.elapsed() < STALE_MAX;
        holds.then_some(answer)
    }

    /// To be called before the streams are read.
    pub(super) fn asking(&self) -> Asking {
        let forgotten = *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        Asking { forgotten, at: Instant::now() }
    }

    /// Remembers what was read, unless something was forgotten since: it may have been this.
    pub(super) fn remember(&self, asking: Asking, stream: StreamId, answer: &Arc<T>) {
        let forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        if *forgotten == asking.forgotten {
            self.cache.insert(stream, (Arc::clone(answer), asking.at));
        }
    }

    pub(super) fn forget(&self, stream: &StreamId) {
        let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        *forgotten += 1;
        self.cache.remove(stream);
    }

    pub(super) fn forget_if(&self, concerned: impl Fn(&StreamId) -> bool) {
        let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        *forgotten += 1;
        self.cache.retain(|stream, _| !concerned(stream));
    }
}
