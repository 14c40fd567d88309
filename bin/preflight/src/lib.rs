//! The go-live list: what its rows are, and those that are asked in two places. `cargo xtask preflight`
//! looks at a checkout, a state of Terraform and running surfaces; `preflight` of each program looks at
//! the process's own environment, where it runs.
//!
//! # Adding a row
//!
//! One that both can look at: an entry in a table here, over the least that it has to know (a trait).
//! Any other: in a table of whoever can. And a test that plants the fault which it must find.
#![deny(missing_docs)]

mod environment;
mod keys;
mod live;

pub use environment::{Deployed, Held, rows as of_variables};
pub use keys::{BITS_MIN, PrivateKey, der};
pub use live::{Answer, HEALTH_ASKS, Running, Web, rows as of_running};

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is so.
    Pass,
    /// It is not, for this reason.
    Fail(String),
    /// It cannot be told here; this would help.
    NotHere(&'static str),
}

/// One rule of the list, over what it looks at.
pub struct Row<S> {
    /// The rule.
    pub name: &'static str,
    /// What to do where it does not hold.
    pub cure: &'static str,
    /// Looks whether it holds.
    pub check: fn(&S) -> Finding,
}

impl<S> Clone for Row<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Row<S> {}

/// How many rows said what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that hold.
    pub passed: usize,
    /// Those that do not.
    pub failed: usize,
    /// Those that could not be told.
    pub open: usize,
}

impl Tally {
    /// Whether it may go live; the strict count what could not be told as failed.
    pub fn is_ready(self, strict: bool) -> bool {
        self.failed == 0 && (!strict || self.open == 0)
    }
}

/// Looks at everything, and says a line a row and one with the sum.
pub fn look<S>(rows: impl IntoIterator<Item = Row<S>>, subject: &S, mut say: impl FnMut(&str)) -> Tally {
    let mut tally = Tally::default();
    for Row { name, cure, check } in rows {
        match check(subject) {
            Finding::Pass => {
                tally.passed += 1;
                say(&format!("pass  {name}"));
            }
            Finding::Fail(why) => {
                tally.failed += 1;
                say(&format!("FAIL  {name}: {why}\n      cure: {cure}"));
            }
            Finding::NotHere(help) => {
                tally.open += 1;
                say(&format!("-     {name}: not checkable here; {help}"));
            }
        }
    }
    let Tally { passed, failed, open } = tally;
    say(&format!("{passed} passed, {failed} failed, {open} not checkable here"));
    tally
}

/// A pass, or the reason why not.
pub fn holds(is_so: bool, otherwise: impl FnOnce() -> String) -> Finding {
    if is_so { Finding::Pass } else { Finding::Fail(otherwise()) }
}

/// A pass when nothing is wrong.
pub fn nothing(wrong: &[String]) -> Finding {
    holds(wrong.is_empty(), || wrong.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_line_and_a_failure_has_its_cure() {
        let row = |name, check| Row::<()> { name, cure: "mend it", check };
        let rows = [
            row("one", |()| Finding::Pass),
            row("two", |()| Finding::Fail("it is not".to_owned())),
            row("three", |()| Finding::NotHere("look there")),
        ];
        let mut lines = Vec::new();
        let tally = look(rows, &(), |line| lines.push(line.to_owned()));
        assert_eq!(
            lines,
            [
                "pass  one",
                "FAIL  two: it is not\n      cure: mend it",
                "-     three: not checkable here; look there",
                "1 passed, 1 failed, 1 not checkable here",
            ]
        );
        assert!(!tally.is_ready(false));
        let tally = look(rows.into_iter().filter(|row| row.name != "two"), &(), |_| {});
        assert!(tally.is_ready(false) && !tally.is_ready(true));
    }
}
