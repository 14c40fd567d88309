//! How far an import is: rewritten in place on a terminal, a line now and then elsewhere.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::{steps, terminal};

/// How often it is shown.
pub(super) const ON_TERMINAL: Duration = Duration::from_millis(200);
const IN_FILE: Duration = Duration::from_secs(2);

/// A counter that threads share.
#[derive(Debug)]
pub(super) struct Progress {
    total: usize,
    done: AtomicUsize,
    started: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn of(total: usize) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { total, done: AtomicUsize::new(0), started: Instant::now(), is_terminal }
    }

    pub(super) fn one_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn interval(&self) -> Duration {
        if self.is_terminal { ON_TERMINAL } else { IN_FILE }
    }

    pub(super) fn show(&self) {
        let line = line(self.done.load(Ordering::Relaxed), self.total, self.started.elapsed());
        if self.is_terminal {
            terminal::rewrite_line(&line);
        } else {
            say!("{line}");
        }
    }

    pub(super) fn finish(&self) {
        self.show();
        if self.is_terminal {
            say!("");
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^52")]
fn line(done: usize, total: usize, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let mut line = format!("{done}/{total}  {rate:.0}/s");
    if done > 0 && done < total {
        let left = Duration::from_secs_f64((total - done) as f64 / rate);
        // Writing to a String cannot fail.
        let _ = write!(line, "  {} left", steps::elapsed(left));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_how_fast_and_how_long() {
        assert_eq!(line(0, 10, Duration::ZERO), "0/10  0/s");
        assert_eq!(line(200, 1000, Duration::from_secs(2)), "200/1000  100/s  8.0 s left");
        assert_eq!(line(10, 10, Duration::from_secs(1)), "10/10  10/s");
    }
}
