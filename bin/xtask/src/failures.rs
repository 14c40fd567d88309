//! What failed in a run of tests, said again at its end: the log of a long run is seldom read from
//! the start, and often cut in the middle.

use std::fmt;

/// Lines of one failure that are said again; the rest is above.
const LINES_MAX: usize = 60;

/// Listens to what `cargo test` says.
#[derive(Default)]
pub(crate) struct Failures {
    lines: Vec<String>,
    state: State,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Elsewhere,
    /// Within what a failed test said, with the number of its lines so far.
    Within(usize),
}

impl Failures {
    /// Hears a line.
    pub(crate) fn hear(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" stdout ----") {
            self.state = State::Within(0);
        } else if line == "failures:" || line.starts_with("test result:") {
            self.state = State::Elsewhere;
        }
        let State::Within(lines) = &mut self.state else { return };
        *lines += 1;
        if *lines <= LINES_MAX {
            self.lines.push(line.to_owned());
        } else if *lines == LINES_MAX + 1 {
            self.lines.push("… (the rest is above)".to_owned());
        }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return write!(to, "    something that is not a test, see above");
        }
        write!(to, "{}", self.lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> String {
        let mut failures = Failures::default();
        text.lines().for_each(|line| failures.hear(line));
        failures.to_string()
    }

    #[test]
    fn what_failed_tests_said_is_kept_and_nothing_else() {
        let run = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\n\
                   thread 'b' panicked at x.rs:1:\nno end within 60s\n\nfailures:\n    b\n\n\
                   test result: FAILED. 1 passed; 1 failed\nrunning 1 test\ntest c ... ok\n";
        assert_eq!(heard(run), "---- b stdout ----\nthread 'b' panicked at x.rs:1:\nno end within 60s\n");
    }

    #[test]
    fn a_long_failure_is_cut() {
        let run = format!("---- b stdout ----\n{}", "line\n".repeat(200));
        assert_eq!(heard(&run).lines().count(), LINES_MAX + 1);
    }

    #[test]
    fn a_run_that_ended_otherwise_says_so() {
        assert!(heard("running 0 tests\n").contains("not a test"));
    }
}
