//! The port, and the bound on how much happens at once.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use adapter_aside::{Aside, AsideError, default_places};
use application::ports::{HashError, Passwords};
use async_trait::async_trait;

use crate::argon::{self, Memory};

/// Longer passwords are neither accepted nor hashed, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// Callers that wait for a place, at most: whoever comes later is sent away at once.
pub const WAITING_MAX: usize = 256;

/// Whoever waits for longer is sent away: what is left of the ten seconds that an operation may take
/// would not do, and `UNAVAILABLE` says that it is worth to come again.
const WAIT_MAX: Duration = Duration::from_secs(8);

/// Passwords hashed and checked with Argon2id.
pub struct Argon2Passwords {
    aside: Aside,
    shared: Arc<Shared>,
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

#[derive(Default)]
struct Shared {
    waiting: AtomicUsize,
    done: AtomicU64,
    running: AtomicUsize,
    peak: AtomicUsize,
    /// Memory that a hashing left to who waits: to fetch 19 MiB from the system and give them back
    /// takes a part of a hashing's time, and holds up all threads of the process.
    left: Mutex<Vec<Memory>>,
}

impl Shared {
    fn memory(&self) -> Memory {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Leaves memory to who waits. Where nobody does, all of it goes back to the system.
    fn leave(&self, memory: Memory) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if self.waiting.load(Relaxed) > 0 {
            left.push(memory);
        } else {
            left.clear();
        }
    }
}

impl Argon2Passwords {
    /// At most `parallel` hashings at once, at least one.
    pub fn new(parallel: usize) -> Self {
        Self { aside: Aside::new("password", parallel), shared: Arc::default() }
    }

    /// What was done so far.
    pub fn work(&self) -> Work {
        Work { done: self.shared.done.load(Relaxed), peak: self.shared.peak.load(Relaxed) }
    }

    /// Runs `hashing` aside once there is a place.
    async fn run<T: Send + 'static>(
        &self,
        hashing: impl FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let failed = |error: AsideError| HashError::Failed(error.to_string());
        let waiting = Waiting::begin(&self.shared.waiting)?;
        let place = tokio::time::timeout(WAIT_MAX, self.aside.place()).await;
        let place = place.map_err(|_| HashError::Busy)?.map_err(failed)?;
        drop(waiting);
        let shared = Arc::clone(&self.shared);
        let done = place.run(move || {
            let _running = Running::begin(&shared);
            let mut memory = shared.memory();
            let done = hashing(&mut memory);
            shared.leave(memory);
            done
        });
        done.await.map_err(failed)?
    }
}

impl Default for Argon2Passwords {
    fn default() -> Self {
        Self::new(default_places())
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, clear: String) -> Result<String, HashError> {
        if is_too_long(&clear) {
            let most = format!("a password may have at most {PASSWORD_CHARS_MAX} characters");
            return Err(HashError::Failed(most));
        }
        self.run(move |memory| argon::hash(&clear, memory)).await
    }

    async fn verify(&self, clear: String, hash: Option<String>) -> Result<bool, HashError> {
        // No stored hash can belong to it, whoever it is for, so the quick answer tells nothing.
        if is_too_long(&clear) {
            return Ok(false);
        }
        self.run(move |memory| {
            let somebody = hash.is_some();
            let fits = argon::verify(&clear, hash.as_deref().unwrap_or(NOBODY), memory)?;
            Ok(fits && somebody)
        })
        .await
    }
}

fn is_too_long(clear: &str) -> bool {
    clear.chars().nth(PASSWORD_CHARS_MAX).is_some()
}

/// Somebody who waits, counted for as long.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Result<Self, HashError> {
        let one = Self(waiting);
        if waiting.fetch_add(1, Relaxed) < WAITING_MAX { Ok(one) } else { Err(HashError::Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// One hashing, counted while it lasts.
struct Running<'a>(&'a Shared);

impl<'a> Running<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let running = shared.running.fetch_add(1, Relaxed) + 1;
        shared.peak.fetch_max(running, Relaxed);
        Self(shared)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
        self.0.done.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_too_long_is_sent_away_in_time() {
        let passwords = Argon2Passwords::new(1);
        let others = passwords.aside.place().await.unwrap();
        let begun = tokio::time::Instant::now();
        let sent_away = passwords.hash("One4you".to_owned()).await;
        assert!(matches!(sent_away, Err(HashError::Busy)), "{sent_away:?}");
        assert_eq!(begun.elapsed().as_secs(), WAIT_MAX.as_secs());
        assert_eq!(passwords.shared.waiting.load(Relaxed), 0, "and waits no more");
        drop(others);
        assert!(passwords.hash("One4you".to_owned()).await.is_ok());
    }

    #[tokio::test]
    async fn memory_is_passed_on_while_somebody_waits_and_given_back_afterwards() {
        let passwords = Argon2Passwords::new(1);
        let hash = |clear: &str| passwords.hash(clear.to_owned());
        let (first, second, third) = tokio::join!(hash("One4you"), hash("Two4you"), hash("Three4you"));
        assert!(passwords.shared.left.lock().unwrap().is_empty(), "nobody waits");
        for (clear, hash) in [("One4you", first), ("Two4you", second), ("Three4you", third)] {
            assert!(argon::verify(clear, &hash.unwrap(), &mut Memory::new()).unwrap(), "{clear}");
        }
    }
}
