//! The benchmarks. `cargo xtask bench [--json] [NAME…]` starts the servers they need and runs them.
//!
//! Each line says `name value unit floor ratio`: a figure of ours, the same figure of the least that
//! could do the work, and what the one is of the other. Ours and the floor take turns in the same
//! run; figures are medians of the rounds, the ratio is the median of the rounds' ratios.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]

mod account;
mod append;
mod audit;
mod bare;
mod children;
mod cli;
mod copy;
mod database;
mod events;
mod footprint;
mod http;
mod jobs;
mod lines;
mod listeners;
mod live;
mod load;
mod logins;
mod pgbench;
mod processes;
mod projector;
mod questions;
mod rebuild;
mod replay;
mod report;
mod rounds;
mod seed;
mod servers;
mod strangers;
mod surface;
mod tap;
mod token;
mod verify;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
