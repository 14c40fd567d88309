//! The port, and the bound on how much happens at once.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use adapter_aside::{Aside, AsideError, default_places};
use application::ports::{HashError, Passwords};
use async_trait::async_trait;

use crate::argon::{self, Memory};

/// Longer passwords are neither accepted nor hashed, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// Callers that wait for a place, at most: whoever comes later is sent away at once.
pub const WAITING_MAX: usize = 256;

/// Whoever would have to wait for longer is sent away at once: an operation may take ten seconds, and
/// it is no use to anybody to hear after these that it took too long.
const WAIT_MAX: Duration = Duration::from_secs(8);

/// Passwords hashed and checked with Argon2id.
pub struct Argon2Passwords {
    places: usize,
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
    /// How long a hashing takes lately, in microseconds; 0 before the first one.
    takes: AtomicU64,
    /// Memory that a hashing left to who waits: to fetch 19 MiB from the system and give them back
    /// takes a part of a hashing's time, and holds up all threads of the process.
    left: Mutex<Vec<Memory>>,
}

impl Shared {
    /// How long who comes now waits, behind as many others.
    fn wait(&self, others: usize, places: usize) -> Duration {
        let rounds = u32::try_from(others / places).unwrap_or(u32::MAX);
        Duration::from_micros(self.takes.load(Relaxed)).saturating_mul(rounds)
    }

    /// A hashing is over. Each has an eighth of the say; of two that end at once, one may have none.
    fn took(&self, time: Duration) {
        let took = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let before = self.takes.load(Relaxed);
        let now = if before == 0 { took } else { before - before / 8 + took / 8 };
        self.takes.store(now, Relaxed);
    }

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
        let places = parallel.max(1);
        Self { places, aside: Aside::new("password", places), shared: Arc::default() }
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
        let waiting = Waiting::begin(&self.shared, self.places)?;
        let place = self.aside.place().await.map_err(failed)?;
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
    fn begin(shared: &'a Shared, places: usize) -> Result<Self, HashError> {
        let before = shared.waiting.fetch_add(1, Relaxed);
        let one = Self(&shared.waiting);
        let too_long = shared.wait(before, places) > WAIT_MAX;
        if before < WAITING_MAX && !too_long { Ok(one) } else { Err(HashError::Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// One hashing, counted and timed.
struct Running<'a>(&'a Shared, Instant);

impl<'a> Running<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let running = shared.running.fetch_add(1, Relaxed) + 1;
        shared.peak.fetch_max(running, Relaxed);
        Self(shared, Instant::now())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.took(self.1.elapsed());
        self.0.running.fetch_sub(1, Relaxed);
        self.0.done.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_would_wait_for_too_long_is_sent_away_at_once() {
        let passwords = Argon2Passwords::new(2);
        let hash = passwords.hash("One4you".to_owned()).await.unwrap();
        passwords.shared.takes.store(4_000_001, Relaxed);
        let asked = (0..4).map(|_| passwords.verify("One4you".to_owned(), Some(hash.clone())));
        // All ask before the first one is answered, and two of them wait for nobody.
        let answers = futures_util::future::join_all(asked).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");

        passwords.shared.waiting.store(4, Relaxed);
        passwords.shared.takes.store(4_000_001, Relaxed);
        let sent_away = passwords.hash("Two4you".to_owned()).await;
        assert!(matches!(sent_away, Err(HashError::Busy)), "{sent_away:?}");
        assert_eq!(passwords.shared.waiting.load(Relaxed), 4, "and waits no more");
    }

    #[test]
    fn how_long_a_hashing_takes_follows_the_machine() {
        let shared = Shared::default();
        assert_eq!(shared.wait(100, 1), Duration::ZERO, "not known before the first one");
        shared.took(Duration::from_millis(40));
        assert_eq!(shared.wait(100, 2), Duration::from_secs(2));
        for _ in 0..60 {
            shared.took(Duration::from_millis(80));
        }
        let now = shared.wait(1, 1);
        assert!(now > Duration::from_millis(79) && now <= Duration::from_millis(80), "{now:?}");
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
