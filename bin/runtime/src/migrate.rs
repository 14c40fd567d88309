//! The migrator: exact lines, exact exit codes, for a task that runs before each deploy.

use std::{collections::HashMap, process::ExitCode};

use adapter_postgres::{
    Tls,
    migrations::{MigrationError, Migrations},
    sqlx_options,
};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::{
    cli, preflight,
    settings::{Process, Settings},
};

const USAGE: &str = "usage: migrator            apply what is not applied
       migrator status     list
       migrator revert     undo the newest one
       migrator restored   after a restore, before anything is started: let the server count on from where the log ends
       migrator preflight  look whether the database is fit to go live";

/// The `migrator` binary: `migrator`, `migrator revert`, `migrator status`, `migrator restored`.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the contract is its output")]
pub fn migrator() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["preflight", rest @ ..] = words.as_slice() {
        return preflight::preflight(Process::Migrator, rest);
    }
    let task = words.first().map(|word| (*word).to_owned());
    let known = matches!(task.as_deref(), None | Some("revert" | "status" | "restored"));
    if !known {
        println!("{USAGE}");
        return if matches!(task.as_deref(), Some("--help" | "-h")) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let options = match options() {
        Ok(options) => options,
        Err(problems) => {
            for problem in problems {
                eprintln!("Migration failed: {problem}");
            }
            return ExitCode::FAILURE;
        }
    };
    println!("Initialising data source...");
    let migrated = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let migrated = migrated.map_err(|error| MigrationError::Failed(error.to_string()));
    match migrated.and_then(|runtime| runtime.block_on(run(&options, task.as_deref()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Migration failed: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the contract is its output")]
async fn run(options: &PgConnectOptions, task: Option<&str>) -> Result<(), MigrationError> {
    let mut migrations = Migrations::connect(options).await?;
    match task {
        Some("status") => {
            for state in migrations.status().await? {
                println!("  {} {}", if state.applied { "[x]" } else { "[ ]" }, state.name);
            }
        }
        Some("restored") => {
            let restored = migrations.restored(|at, end| println!("At transaction {at} of {end}...")).await?;
            println!(
                "The log ends at transaction {}, the server goes on at {}.",
                restored.log, restored.server
            );
            println!("Cursors and consistency tokens from before the restore are refused from now on.");
        }
        Some(_) => {
            let name = migrations.revert().await?;
            println!("Reverted 1 migration:\n  - {name}");
        }
        None if migrations.status().await?.iter().all(|state| state.applied) => {
            println!("No pending migrations — exiting.");
        }
        None => {
            println!("Running pending migrations...");
            let done = migrations.migrate().await?;
            println!("Executed {} migration(s):", done.len());
            for name in done {
                println!("  - {name}");
            }
            println!("Migrations complete.");
        }
    }
    migrations.close().await
}

/// It needs the database's settings and no others.
fn options() -> Result<PgConnectOptions, Vec<String>> {
    let settings = Settings::read(Process::Migrator, variables())?;
    let options = sqlx_options(&settings.postgres).map_err(|error| vec![error.to_string()])?;
    let options = options.application_name("enterprise-todo migrator");
    // Outside of public environments a server that wants TLS gets it, unverified.
    Ok(if settings.postgres.tls == Tls::Off { options.ssl_mode(PgSslMode::Prefer) } else { options })
}

/// The variables of the process, and what it takes for granted.
pub(crate) fn variables() -> HashMap<String, String> {
    let mut variables = crate::settings::environment();
    // Where nothing is said, a migrator is as careful as in production only about TLS files it is given.
    variables.entry("NODE_ENV".to_owned()).or_insert_with(|| "development".to_owned());
    variables.entry("REDIS_URL".to_owned()).or_insert_with(|| "redis://unused".to_owned());
    variables
}

/// Shown by binaries that are given words they do not know.
pub(crate) fn unknown(words: &str, usage: &str) -> ExitCode {
    cli::misconfigured(&[format!("unknown: {words}"), usage.to_owned()])
}
