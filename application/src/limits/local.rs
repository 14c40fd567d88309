//! Limits of one process alone: what stands in while the shared store is away.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::BlindIndex;
use quick_cache::sync::Cache;

use crate::ports::{Backoff, Limit, Lockouts, RateLimits, Wait};

/// How many clients, and how many guessed names, are remembered; beyond that the least interesting
/// are forgotten. It bounds the memory that strangers can take.
const REMEMBERED_MAX: usize = 10_000;

/// Limits kept in memory.
pub struct LocalLimits {
    clients: Cache<BlindIndex, Arc<Mutex<VecDeque<Instant>>>>,
    guesses: Cache<BlindIndex, Arc<Mutex<Guesses>>>,
}

/// Wrong attempts in a row.
#[derive(Debug, Clone, Copy, Default)]
struct Guesses {
    wrong: u32,
    wait_until: Option<Instant>,
    forget_at: Option<Instant>,
}

impl Default for LocalLimits {
    fn default() -> Self {
        Self { clients: Cache::new(REMEMBERED_MAX), guesses: Cache::new(REMEMBERED_MAX) }
    }
}

#[async_trait]
impl RateLimits for LocalLimits {
    async fn admit(&self, key: &BlindIndex, count: u32, limit: Limit) -> Result<(), Wait> {
        let now = Instant::now();
        let entry = held(&self.clients, key);
        let mut times = lock(&entry);
        while times.front().is_some_and(|first| now.duration_since(*first) >= limit.window) {
            times.pop_front();
        }
        let (count, most) = (usize_of(count), usize_of(limit.most));
        let over = (times.len() + count).saturating_sub(most);
        if over > 0 {
            // That many of the oldest have to leave the window first.
            let last = times.get(over.min(times.len()).saturating_sub(1));
            let wait =
                last.map_or(limit.window, |last| limit.window.saturating_sub(now.duration_since(*last)));
            return Err(Wait(wait));
        }
        times.extend(std::iter::repeat_n(now, count));
        Ok(())
    }
}

#[async_trait]
impl Lockouts for LocalLimits {
    async fn may_try(&self, key: &BlindIndex) -> Result<(), Wait> {
        let Some(entry) = self.guesses.get(key) else { return Ok(()) };
        let guesses = lock(&entry);
        guesses.may_try(Instant::now())
    }

    async fn settle(&self, key: &BlindIndex, right: bool, backoff: Backoff) -> Result<(), Wait> {
        let now = Instant::now();
        let entry = held(&self.guesses, key);
        let mut guesses = lock(&entry);
        guesses.may_try(now)?;
        if right || guesses.forget_at.is_some_and(|at| at <= now) {
            *guesses = Guesses::default();
        }
        if !right {
            guesses.wrong = guesses.wrong.saturating_add(1);
            let wait = backoff.after(guesses.wrong);
            guesses.wait_until = (wait > Duration::ZERO).then(|| now + wait);
            guesses.forget_at = Some(now + backoff.forget);
        }
        Ok(())
    }
}

impl Guesses {
    fn may_try(&self, now: Instant) -> Result<(), Wait> {
        match self.wait_until.and_then(|until| until.checked_duration_since(now)) {
            Some(wait) if wait > Duration::ZERO => Err(Wait(wait)),
            Some(_) | None => Ok(()),
        }
    }
}

/// What is remembered of `key`.
fn held<T: Default>(cache: &Cache<BlindIndex, Arc<Mutex<T>>>, key: &BlindIndex) -> Arc<Mutex<T>> {
    let made = cache.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(Arc::default()));
    match made {
        Ok(entry) => entry,
        Err(never) => match never {},
    }
}

fn lock<T>(entry: &Arc<Mutex<T>>) -> MutexGuard<'_, T> {
    // Nothing panics while it is held.
    entry.lock().unwrap_or_else(PoisonError::into_inner)
}

fn usize_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
