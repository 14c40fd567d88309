//! `cargo xtask preflight`: the go-live list as a program. A line a row: passed, failed with the
//! reason and the cure, or not to be checked from here and what would help.
//!
//! # Adding a row
//!
//! One entry in a table of `rows/`, and in `tests.rs` the fault that it must find. What a process can
//! look at where it runs is in `bin/preflight`, and asked there too.

mod rows;
mod subject;
#[cfg(test)]
mod tests;
mod web;

use std::path::PathBuf;

use anyhow::{Result, bail};
use preflight::look;
pub(crate) use preflight::{Finding, holds, nothing};

use self::subject::{Sources, Subject};
use crate::args::Args;

/// One rule of the list.
pub(crate) type Row = preflight::Row<Subject>;

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
    let tally = look(rows::all(), &subject, |line| answer!("{line}"));
    if !tally.is_ready(is_strict) {
        bail!("{} is not ready", subject.environment);
    }
    Ok(())
}
