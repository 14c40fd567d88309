//! The one door to everything a developer does: `cargo xtask <task>`.
//!
//! # Adding a task
//!
//! 1. A module with `pub(crate) fn run(args: Args) -> Result<()>`.
//! 2. One entry in [`TASKS`]: name, one line, help with examples. The listing, `--help` and the
//!    dispatch all come from there.
//!
//! This crate compiles before anything else on a fresh machine, so its dependencies stay few: no
//! async runtime, no argument parser, and never a crate of ours.

#[macro_use]
mod terminal;

mod account;
mod architecture;
mod args;
mod bench;
mod ci;
mod database;
mod dotenv;
mod environment;
mod failure;
mod failures;
mod harness;
mod http;
mod image;
mod import;
mod install;
mod keys;
mod linters;
mod lock;
mod pid;
mod ports;
mod postgres;
mod preflight;
mod process;
mod random;
mod redis;
mod sbom;
mod schema;
mod servers;
mod signals;
mod steps;
mod tasks;
mod test_task;
mod tidy;
mod tools;
mod up;
mod upgrade;
mod workspace;

use std::process::ExitCode;

use crate::{
    args::Args,
    failure::{Exit, GENERAL_FAILURE},
};

fn main() -> ExitCode {
    let mut words = environment::arguments();
    let Some(name) = words.next() else {
        tasks::list();
        return ExitCode::SUCCESS;
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        tasks::list();
        return ExitCode::SUCCESS;
    }
    let Some(task) = tasks::find(&name) else {
        say!("error: there is no task '{name}'; these are the tasks:\n");
        tasks::list();
        return ExitCode::from(failure::USAGE);
    };
    let args = Args::new(task.name, words);
    if args.asks_for_help() {
        tasks::explain(task);
        return ExitCode::SUCCESS;
    }
    match (task.run)(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// The cause chain on one line each; a bare exit code (from a child that spoke for itself) is
/// passed on in silence.
fn report(error: &anyhow::Error) -> ExitCode {
    let code = error.downcast_ref::<Exit>().map(|exit| exit.code);
    let is_silent = error.downcast_ref::<Exit>().is_some_and(|exit| exit.message.is_empty());
    if !is_silent {
        say!("error: {error}");
        for cause in error.chain().skip(1) {
            say!("  because: {cause}");
        }
    }
    ExitCode::from(code.unwrap_or(GENERAL_FAILURE))
}
