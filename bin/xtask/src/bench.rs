//! `cargo xtask bench`: the benchmarks, on servers of their own with production's durability.

use std::process::Command;

use anyhow::Result;

use crate::{
    args::Args,
    harness::{self, Harness, Kind},
    process, signals,
    steps::step,
    workspace::{self, Profile},
};

/// Nothing about durability is changed: what is measured is what production pays.
const KIND: Kind = Kind {
    name: "bench",
    profile: Profile::Release,
    postgres_settings: &["max_connections=400"],
    browser: false,
};

const PROGRAMS: [&str; 5] = ["bench", "api", "portal-api", "worker", "migrator"];

pub(crate) fn run(args: Args) -> Result<()> {
    signals::listen()?;
    harness::check_machine()?;
    step("Building the benchmarks and the services (release)", || {
        let mut command = workspace::cargo();
        command.args(["build", "--locked", "--release"]);
        command.args(PROGRAMS.iter().flat_map(|name| ["-p", name]));
        process::run_or_fail(&mut command)
    })?;
    let harness = Harness::start(KIND)?;
    let mut command = Command::new(workspace::programs(KIND.profile)?.join("bench"));
    command.args(args.rest()).current_dir(workspace::root());
    harness.apply(&mut command);
    step("Running the benchmarks", || process::run_or_fail(&mut command))
}
