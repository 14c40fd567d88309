//! One task at a time on one state folder, held by the system and therefore never stale.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{signals, steps};

const POLL: Duration = Duration::from_millis(200);

/// Held until dropped, or until this process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Wait for the lock, saying so, for at most `limit` or until we are asked to stop.
    pub(crate) fn take(path: &Path, limit: Duration) -> Result<Self> {
        Self::acquire(path, limit, signals::check)
    }

    /// For cleaning up after having been asked to stop: only the limit ends the wait.
    pub(crate) fn take_for_stopping(path: &Path, limit: Duration) -> Result<Self> {
        Self::acquire(path, limit, || Ok(()))
    }

    fn acquire(path: &Path, limit: Duration, check: impl Fn() -> Result<()>) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
        }
        let file = File::create(path).with_context(|| format!("could not open {}", path.display()))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("could not lock {}", path.display()));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if started.elapsed() < POLL {
                steps::note("another task is starting or stopping the servers; waiting for it");
            }
            if started.elapsed() > limit {
                bail!(
                    "another task still holds {} after {}; stop it, then try again",
                    path.display(),
                    steps::elapsed(limit)
                );
            }
            check()?;
            thread::sleep(POLL);
        }
    }
}
