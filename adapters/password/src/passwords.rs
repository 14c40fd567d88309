//! The port, and the bound on how much happens at once.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use application::ports::{HashError, Passwords};
use async_trait::async_trait;
use tokio::{sync::Semaphore, task};

use crate::argon;

/// Longer passwords are neither accepted nor hashed, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// How many hashings run at once when nothing else is known: one a processor.
pub fn default_parallel() -> usize {
    const UNKNOWN: usize = 2;
    thread::available_parallelism().map_or(UNKNOWN, NonZero::get)
}

/// Passwords hashed and checked with Argon2id.
pub struct Argon2Passwords {
    places: Arc<Semaphore>,
    counts: Arc<Counts>,
}

/// What a password is checked against where there is nothing to check it against: no password has
/// this hash, and to find that out takes as long as with any other. It is written down, because to
/// make it would take the memory of a hashing at every start.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What was done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Hashings since the start; a check is one too.
    pub done: u64,
    /// The most of them at the same time.
    pub peak: usize,
}

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    running: AtomicUsize,
    peak: AtomicUsize,
}

impl Argon2Passwords {
    /// At most `parallel` hashings at once, at least one. It hashes once itself, which takes tens
    /// of milliseconds.
    ///
    pub fn new(parallel: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(parallel.max(1))), counts: Arc::default() }
    }

    /// What was done so far.
    pub fn work(&self) -> Work {
        Work { done: self.counts.done.load(Relaxed), peak: self.counts.peak.load(Relaxed) }
    }

    /// Runs `hashing` on a blocking thread once there is a place.
    async fn run<T: Send + 'static>(
        &self,
        hashing: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|closed| HashError(closed.to_string()))?;
        let counts = Arc::clone(&self.counts);
        let task = task::spawn_blocking(move || {
            // The place goes with the work: a caller that goes away frees it only when the work
            // is over, because a blocking thread cannot be stopped.
            let _place = place;
            let _running = Running::begin(&counts);
            hashing()
        });
        task.await.map_err(|error| HashError(error.to_string()))?
    }
}

impl Default for Argon2Passwords {
    fn default() -> Self {
        Self::new(default_parallel())
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, clear: String) -> Result<String, HashError> {
        if is_too_long(&clear) {
            return Err(HashError(format!("a password may have at most {PASSWORD_CHARS_MAX} characters")));
        }
        self.run(move || argon::hash(&clear)).await
    }

    async fn verify(&self, clear: String, hash: Option<String>) -> Result<bool, HashError> {
        // No stored hash can belong to it, whoever it is for, so the quick answer tells nothing.
        if is_too_long(&clear) {
            return Ok(false);
        }
        self.run(move || {
            let somebody = hash.is_some();
            let fits = argon::verify(&clear, hash.as_deref().unwrap_or(NOBODY))?;
            Ok(fits && somebody)
        })
        .await
    }
}

fn is_too_long(clear: &str) -> bool {
    clear.chars().nth(PASSWORD_CHARS_MAX).is_some()
}

/// One hashing, counted while it lasts.
struct Running<'a>(&'a Counts);

impl<'a> Running<'a> {
    fn begin(counts: &'a Counts) -> Self {
        let running = counts.running.fetch_add(1, Relaxed) + 1;
        counts.peak.fetch_max(running, Relaxed);
        Self(counts)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
        self.0.done.fetch_add(1, Relaxed);
    }
}
