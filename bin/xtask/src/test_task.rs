//! `cargo xtask test`: every test, on servers of its own.

use anyhow::Result;

use crate::{
    args::Args,
    failure::Exit,
    failures::Failures,
    harness::{self, Harness, Kind},
    linters, process, signals,
    steps::{self, step},
    workspace::{self, Profile},
};

/// Nothing survives the run, so nothing has to reach the disk. What a commit promises to other
/// connections (`synchronous_commit`) stays as in production, because tests are about that.
pub(crate) const KIND: Kind = Kind {
    name: "test",
    profile: Profile::Dev,
    postgres_settings: &["fsync=off", "full_page_writes=off", "max_connections=400"],
    browser: true,
};

pub(crate) fn run(args: Args) -> Result<()> {
    let chosen: Vec<String> = args.rest();
    signals::listen()?;
    harness::check_machine()?;
    if !names_packages(&chosen) || chosen.iter().any(|word| word == "xtask") {
        linters::provide();
    }
    step("Building the programs that tests run", || {
        process::run_or_fail(workspace::cargo().args(["build", "--locked"]))
    })?;
    let harness = Harness::start(KIND)?;
    let mut command = workspace::cargo();
    // One run shows everything that is wrong.
    command.args(["test", "--locked", "--no-fail-fast"]);
    if !names_packages(&chosen) {
        command.arg("--workspace");
    }
    command.args(&chosen);
    harness.apply(&mut command);
    let mut failures = Failures::default();
    let status = step("Running the tests", || process::run_heard(&mut command, |line| failures.hear(line)))?;
    drop(harness);
    if status.success() {
        steps::note("all tests passed");
        return Ok(());
    }
    say!("==> What failed\n{failures}");
    Err(Exit::silent(process::code(status)))
}

/// With `-p` the person chose packages, which `--workspace` would override.
fn names_packages(words: &[String]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| {
        matches!(word.as_str(), "-p" | "--package" | "--workspace") || word.starts_with("--package=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn chosen_packages_replace_the_whole_workspace() {
        assert!(names_packages(&words("-p domain")));
        assert!(names_packages(&words("--package=domain todo")));
        assert!(!names_packages(&words("todo -- -p")));
    }
}
