//! `cargo xtask preflight`: the go-live list as a program. A line a row: passed, failed with the
//! reason and the cure, or not to be checked from here and what would help.
//!
//! # Adding a row
//!
//! One entry in a table of `rows/`, and in `tests.rs` the fault that it must find.

mod rows;
mod subject;
#[cfg(test)]
mod tests;
mod web;

use std::path::PathBuf;

use anyhow::{Result, bail};

use self::subject::{Sources, Subject};
use crate::args::Args;

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    Pass,
    /// With the reason.
    Fail(String),
    /// With what would help.
    NotHere(&'static str),
}

/// One rule of the list.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) cure: &'static str,
    pub(crate) check: fn(&Subject) -> Finding,
}

pub(crate) fn run(mut args: Args) -> Result<()> {
    let path = |value: Option<String>| value.map(PathBuf::from);
    let sources = Sources {
        environment: args.option("--env")?.unwrap_or_else(|| "production".to_owned()),
        plan: path(args.option("--plan")?),
        keys: path(args.option("--keys")?),
        url: args.option("--url")?,
        portal_url: args.option("--portal-url")?,
    };
    let is_strict = args.flag("--strict");
    args.finish()?;
    let subject = Subject::read(&sources)?;
    let (mut passed, mut failed, mut open) = (0, 0, 0);
    for row in rows::all() {
        let (name, cure) = (row.name, row.cure);
        match (row.check)(&subject) {
            Finding::Pass => {
                passed += 1;
                answer!("pass  {name}");
            }
            Finding::Fail(why) => {
                failed += 1;
                answer!("FAIL  {name}: {why}\n      cure: {cure}");
            }
            Finding::NotHere(help) => {
                open += 1;
                answer!("-     {name}: not checkable here; {help}");
            }
        }
    }
    answer!("{passed} passed, {failed} failed, {open} not checkable here");
    if failed > 0 || (is_strict && open > 0) {
        bail!("{} is not ready", subject.environment);
    }
    Ok(())
}

/// A pass, or the reason why not.
pub(crate) fn holds(is_so: bool, otherwise: impl FnOnce() -> String) -> Finding {
    if is_so { Finding::Pass } else { Finding::Fail(otherwise()) }
}

/// A pass when nothing is wrong.
pub(crate) fn nothing(wrong: &[String]) -> Finding {
    holds(wrong.is_empty(), || wrong.join("; "))
}
