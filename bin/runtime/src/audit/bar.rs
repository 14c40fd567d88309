//! A bar on a terminal: how much is done, how quickly, and how long it will still take.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _, stderr},
    time::{Duration, Instant},
};

/// How wide the bar is, in characters.
const WIDTH: u64 = 30;
/// How often it is drawn on a terminal, and written down elsewhere.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
const WRITTEN_EVERY: Duration = Duration::from_secs(10);

/// See the module. What is not a terminal gets a line now and then.
pub(super) struct Bar {
    what: &'static str,
    total: u64,
    begun: Instant,
    drawn: Option<Instant>,
    terminal: bool,
}

impl Bar {
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        Self { what, total, begun: Instant::now(), drawn: None, terminal: stderr().is_terminal() }
    }

    /// So much is done.
    pub(super) fn at(&mut self, done: u64) {
        let now = Instant::now();
        let every = if self.terminal { DRAWN_EVERY } else { WRITTEN_EVERY };
        if now - self.drawn.unwrap_or(self.begun) < every {
            return;
        }
        self.drawn = Some(now);
        let line = line(self.what, done, self.total, now - self.begun);
        // A terminal that went away is no reason to stop.
        let _ =
            if self.terminal { write!(stderr(), "\r{line}\u{1b}[K") } else { writeln!(stderr(), "{line}") };
    }

    /// Leaves the terminal to others.
    pub(super) fn end(&self) {
        if self.terminal && self.drawn.is_some() {
            let _ = write!(stderr(), "\r\u{1b}[K");
        }
    }
}

fn line(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let done = done.min(total);
    let filled = done.checked_mul(WIDTH).and_then(|part| part.checked_div(total)).unwrap_or(WIDTH);
    let bar: String = (0..WIDTH).map(|at| if at < filled { '#' } else { '-' }).collect();
    let percent = done.checked_mul(100).and_then(|part| part.checked_div(total)).unwrap_or(100);
    let mut line = format!("{what} [{bar}] {done} of {total} ({percent} %)");
    let millis = elapsed.as_millis().max(1);
    let rate = u128::from(done) * 1_000 / millis;
    if let Some(left) = u128::from(total - done).checked_div(rate) {
        // Writing to a text cannot fail.
        let _ = write!(line, ", {rate}/s, {left} s left");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_how_quickly_and_how_long_still() {
        let half = line("events", 500, 1_000, Duration::from_secs(2));
        assert_eq!(half, "events [###############---------------] 500 of 1000 (50 %), 250/s, 2 s left");
        let begun = line("events", 0, 1_000, Duration::ZERO);
        assert!(begun.ends_with("0 of 1000 (0 %)"), "{begun}");
        assert!(line("events", 0, 0, Duration::ZERO).contains("0 of 0 (100 %)"));
    }
}
