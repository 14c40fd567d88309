//! Progress: a line when a step starts, one with the time when it ends, and a sign of life in
//! between when it takes long.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

/// How often a long step says that it still runs.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Run one named step and say how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say!("==> {name}");
    let started = Instant::now();
    let outcome = thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        scope.spawn(move || {
            while wait.recv_timeout(SIGN_OF_LIFE) == Err(RecvTimeoutError::Timeout) {
                say!("    … {name}: {}", elapsed(started.elapsed()));
            }
        });
        let outcome = work();
        drop(done);
        outcome
    });
    let verdict = if outcome.is_ok() { "done in" } else { "failed after" };
    say!("    {verdict} {}", elapsed(started.elapsed()));
    outcome
}

/// A line without a time, for what is quick.
pub(crate) fn note(text: &str) {
    say!("    {text}");
}

/// `0.4 s`, `12.3 s`, `2 min 05 s`.
pub(crate) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(elapsed(Duration::from_millis(400)), "0.4 s");
        assert_eq!(elapsed(Duration::from_secs(125)), "2 min 05 s");
    }
}
