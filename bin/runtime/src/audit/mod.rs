//! Proofs on the command line: `worker audit-verify`, `audit-export`, `audit-key`.
//!
//! `audit-verify` ends with 0 when everything is as it was sealed, with 1 when something is not, and
//! with 2 when it cannot say.

mod bar;
mod export;
mod file;
mod packed;
mod verify;
mod wishes;

use std::process::ExitCode;

use application::{BoxError, BoxedError};

use crate::settings::{Process, Settings};

pub(crate) const USAGE: &str = "worker audit-verify              compare the log with its seals\n         \
    [--checkpoints PATH]   with published ones (a file, or AUDIT_CHECKPOINT_DIR), not the database's\n         \
    [--key FILE]           public keys in PEM; else AUDIT_SIGNING_KEY and AUDIT_PUBLIC_KEYS\n         \
    [--export FILE]        an export instead of the database, of audit-export or as the portal sends it\n                                \
    (format=sealed; gzip and zstd too); needs the other two, and no settings\n       \
    worker audit-export --events FILE --checkpoints FILE\n                                        \
    write the log and its seals for audit-verify elsewhere\n       \
    worker audit-key                 print the public key that checks the seals";

/// What cannot be said.
const UNKNOWN: u8 = 2;

/// Runs one of the commands; `None` when these words are none of them.
pub(crate) fn command(words: &[&str]) -> Option<ExitCode> {
    Some(match words {
        ["audit-verify", rest @ ..] => verify(rest),
        ["audit-export", rest @ ..] => export(rest),
        ["audit-key"] => key(),
        _ => return None,
    })
}

fn verify(words: &[&str]) -> ExitCode {
    let wishes = match wishes::read(words, &["--checkpoints", "--key", "--export"]) {
        Ok(wishes) => wishes,
        Err(problem) => return unknown(&problem),
    };
    match run(verify::verify(&wishes)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => unknown(&BoxedError(error.as_ref()).to_string()),
    }
}

fn export(words: &[&str]) -> ExitCode {
    let wishes = match wishes::read(words, &["--events", "--checkpoints"]) {
        Ok(wishes) => wishes,
        Err(problem) => return unknown(&problem),
    };
    match run(export::export(&wishes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => unknown(&BoxedError(error.as_ref()).to_string()),
    }
}

#[expect(clippy::print_stdout, reason = "a key for a file")]
fn key() -> ExitCode {
    match settings().map(|settings| settings.seals.keys) {
        Ok(keys) if keys.is_empty() => unknown("AUDIT_SIGNING_KEY is not set"),
        Ok(keys) => {
            for key in keys {
                print!("{}", key.pem());
            }
            ExitCode::SUCCESS
        }
        Err(error) => unknown(&error.to_string()),
    }
}

fn settings() -> Result<Settings, BoxError> {
    Settings::of(Process::Worker).map_err(|problems| problems.join("\n").into())
}

fn run<T>(work: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime?.block_on(work)
}

#[expect(clippy::print_stderr, reason = "people read this on a terminal")]
fn unknown(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(UNKNOWN)
}
