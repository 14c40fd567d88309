//! `cargo xtask upgrade`: the previous release and this one, on one database.
//!
//! The programs of the previous release are built from git; what both are then put through is in
//! `bin/api/tests/it/upgrade`.

mod previous;
mod source;

use anyhow::{Result, ensure};

use self::previous::Previous;
use crate::{
    args::Args,
    failure::Exit,
    harness::{self, Harness, Kind},
    process, signals,
    steps::{self, step},
    test_task,
    workspace::{self, Profile},
};

/// As for all tests, but that nobody clicks.
const KIND: Kind = Kind { browser: false, ..test_task::KIND };
/// Where the tests find the programs of the previous release.
const PREVIOUS: &str = "TEST_PREVIOUS_BIN_DIR";

pub(crate) fn run(mut args: Args) -> Result<()> {
    let from = args.option("--from")?;
    let is_released = args.flag("--released");
    args.finish()?;
    if is_released {
        ensure!(from.is_none(), "--released writes HEAD; it takes no --from");
        return Previous::head()?.write();
    }
    signals::listen()?;
    harness::check_machine()?;
    let previous = match from {
        Some(revision) => Previous::of(&revision)?,
        None => Previous::read()?,
    };
    steps::note(&format!("the previous release is {} with schema {}", previous.commit, previous.schema));
    step("Comparing its migrations with these", || source::unchanged(&previous))?;
    let programs = source::programs(&previous.commit)?;
    // The last to be built are those that lie in cargo's folder.
    step("Building this release", || process::run_or_fail(workspace::cargo().args(["build", "--locked"])))?;
    source::differ(&programs, &workspace::programs(Profile::Dev)?)?;
    let harness = Harness::start(KIND)?;
    let mut command = workspace::cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast", "--test", "it", "--", "upgrade::"]);
    // What needs no second release is run by `cargo xtask test`.
    command.args(["--skip", "upgrade::locks", "--skip", "upgrade::schema"]);
    harness.apply(&mut command);
    command.env(PREVIOUS, &programs);
    let status = step("Letting both releases work", || process::run(&mut command))?;
    drop(harness);
    if !status.success() {
        steps::note("the releases do not go together; what is wrong is above");
        return Err(Exit::silent(process::code(status)));
    }
    steps::note(&format!("{} and this release go together", previous.commit));
    Ok(())
}
