//! Long computations, aside: on threads of their own, at a low priority, a bounded number at a time.
//!
//! A password check takes tens of milliseconds of a processor, a signature of RSA some. On a thread
//! that answers requests it would hold up all whose turn is next there.
#![deny(missing_docs)]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod breath;

use std::{io, sync::Arc, thread};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A computation gets all of a processor that nobody else wants, and a tenth of one that others want:
/// they go first, and it still ends. That they need not wait for long, either, is in `breath.rs`.
const NICE: i32 = 10;

/// How many run at once when nothing else is known: one a processor, but for one.
pub fn default_places() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get().saturating_sub(1).max(1))
}

/// Why a computation came to nothing.
#[derive(Debug, Error)]
pub enum AsideError {
    /// The system gives no thread.
    #[error("no thread: {0}")]
    NoThread(#[from] io::Error),
    /// It panicked.
    #[error("the computation fell over")]
    Fallen,
}

/// Places for computations.
#[derive(Debug)]
pub struct Aside {
    name: &'static str,
    places: Arc<Semaphore>,
}

impl Aside {
    /// At most `places` computations at once, at least one, on threads called `name`.
    pub fn new(name: &'static str, places: usize) -> Self {
        Self { name, places: Arc::new(Semaphore::new(places.max(1))) }
    }

    /// Waits for a place, in turn, without holding a thread.
    pub async fn place(&self) -> Result<Place, AsideError> {
        let taken = Arc::clone(&self.places).acquire_owned().await;
        Ok(Place { name: self.name, taken: taken.map_err(|_| AsideError::Fallen)? })
    }
}

/// A place that was waited for.
#[derive(Debug)]
pub struct Place {
    name: &'static str,
    taken: OwnedSemaphorePermit,
}

impl Place {
    /// What `work` comes to. A caller that goes away frees the place only when the work is over,
    /// because a thread cannot be stopped.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        let Self { name, taken } = self;
        let (answer, answered) = oneshot::channel();
        // Not one of the runtime's threads: a priority that was given up does not come back.
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Where it is not allowed, a computation is only ruder.
            let _ = rustix::process::nice(NICE);
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            let breath = breath::Breath::take();
            let done = work();
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            drop(breath);
            drop(taken);
            // Who asked may be gone.
            let _ = answer.send(done);
        })?;
        answered.await.map_err(|_| AsideError::Fallen)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };

    use super::*;

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_places() {
        let (aside, running, peak) = (Aside::new("test", 2), AtomicUsize::new(0), AtomicUsize::new(0));
        let counted = Arc::new((running, peak));
        let work = |counted: Arc<(AtomicUsize, AtomicUsize)>| {
            move || {
                counted.1.fetch_max(counted.0.fetch_add(1, SeqCst) + 1, SeqCst);
                thread::sleep(Duration::from_millis(5));
                counted.0.fetch_sub(1, SeqCst);
            }
        };
        let one = async || aside.place().await?.run(work(Arc::clone(&counted))).await;
        let done: (Result<(), AsideError>, _, _, _, _) = tokio::join!(one(), one(), one(), one(), one());
        assert!([done.0, done.1, done.2, done.3, done.4].iter().all(Result::is_ok));
        assert_eq!(counted.1.load(SeqCst), 2);
    }

    #[tokio::test]
    async fn who_falls_over_says_so_and_frees_the_place() {
        let aside = Aside::new("test", 1);
        let fallen = aside.place().await.unwrap().run(|| panic!("on purpose")).await;
        assert!(matches!(fallen, Err::<(), _>(AsideError::Fallen)));
        assert_eq!(aside.place().await.unwrap().run(|| 7).await.unwrap(), 7);
    }
}
