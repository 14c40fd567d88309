//! `cargo xtask ci`: exactly what continuous integration runs.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{
    architecture,
    args::Args,
    failure::Exit,
    process, schema, signals,
    steps::{self, step},
    test_task, tidy, tools, workspace,
};

/// What a step of the run came to.
enum Verdict {
    Passed,
    Failed(String),
    Skipped(&'static str),
}

type Check = (&'static str, fn() -> Result<Verdict>);

/// The cheapest first; each runs whatever the others said, so that one run shows everything.
const FAST: [Check; 6] = [
    ("format", || cargo(&["fmt", "--all", "--check"])),
    ("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])),
    ("schema", || schema::run(Args::new("schema", ["--check".to_owned()])).map(passed)),
    ("tidy", || tidy::run(Args::new("tidy", [])).map(passed)),
    ("architecture", || architecture::run(Args::new("architecture", [])).map(passed)),
    ("deny", deny),
];
const TESTS: Check = ("test", || test_task::run(Args::new("test", [])).map(passed));

pub(crate) fn run(mut args: Args) -> Result<()> {
    let is_fast = args.flag("--fast");
    args.finish()?;
    signals::listen()?;
    let mut checks = FAST.to_vec();
    if !is_fast {
        checks.push(TESTS);
    }
    let results: Vec<_> = checks
        .into_iter()
        .map(|(name, check)| {
            let started = Instant::now();
            let verdict = perform(name, check);
            (name, verdict, started.elapsed())
        })
        .collect();
    if signals::stop_asked() {
        return Err(Exit::interrupted());
    }
    summarise(&results)
}

fn perform(name: &str, check: fn() -> Result<Verdict>) -> Verdict {
    if signals::stop_asked() {
        return Verdict::Skipped("interrupted");
    }
    step(name, check).unwrap_or_else(|error| Verdict::Failed(format!("{error:#}")))
}

fn summarise(results: &[(&str, Verdict, Duration)]) -> Result<()> {
    say!("\nSummary");
    let mut failed = Vec::new();
    for (name, verdict, time) in results {
        let time = steps::elapsed(*time);
        match verdict {
            Verdict::Passed => say!("  passed   {name:<13} {time}"),
            Verdict::Skipped(why) => say!("  skipped  {name:<13} {why}"),
            Verdict::Failed(why) => {
                say!("  FAILED   {name:<13} {time}");
                for line in why.lines() {
                    say!("           {line}");
                }
                failed.push(*name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}

fn passed((): ()) -> Verdict {
    Verdict::Passed
}

fn cargo(words: &[&str]) -> Result<Verdict> {
    process::run_or_fail(workspace::cargo().args(words)).map(passed)
}

fn deny() -> Result<Verdict> {
    if tools::program("cargo-deny").is_none() && !is_in_cargo_home() {
        return Ok(Verdict::Skipped("cargo-deny is not installed; type: cargo install --locked cargo-deny"));
    }
    cargo(&["deny", "check"])
}

/// Cargo also looks for its subcommands in its own folder.
fn is_in_cargo_home() -> bool {
    let output = workspace::cargo().arg("--list").output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .any(|line| line.split_whitespace().next() == Some("deny"))
    })
}
