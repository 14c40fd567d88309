//! Servers of one run of tests or benchmarks: started for it, gone with it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    account, database, environment, install,
    keys::{self, Strength},
    lock::Lock,
    pid::{self, Recorded},
    postgres::{Plan, Postgres},
    random,
    redis::Redis,
    servers,
    steps::{self, step},
    tools::Browser,
    workspace::{self, Profile},
};

const TEMPLATE: &str = "todo_template";
/// Two runs at once share their keys; making them takes less than this.
const LOCK_LIMIT: Duration = Duration::from_mins(2);
const OWNER: &str = "owner";

/// What tells one kind of run from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// The folder below `target`.
    pub(crate) name: &'static str,
    pub(crate) profile: Profile,
    pub(crate) postgres_settings: &'static [&'static str],
    /// Whether a browser clicks through pages.
    pub(crate) browser: bool,
}

/// Running servers; dropping it stops them and deletes their data.
#[derive(Debug)]
pub(crate) struct Harness {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Harness {
    /// Servers, a migrated template database and keys for one run.
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let postgres_tools = install::postgres()?;
        let redis_program = install::redis()?;
        let browser = kind.browser.then(install::browser).transpose()?;
        let parent = workspace::state(kind.name);
        sweep(&parent)?;
        let folder = parent.join(format!("run-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
        Recorded::write(&pid::file(&folder, OWNER), std::process::id())?;
        // From here on a failure drops the harness, which cleans up.
        let mut harness = Self { folder, variables: Vec::new() };
        let password = random::password()?;
        let plan = Plan { folder: &harness.folder, password: &password, settings: kind.postgres_settings };
        let (postgres, redis) = step("Starting private PostgreSQL and Redis", || {
            let postgres = Postgres::start(&postgres_tools, &plan)?;
            Ok((postgres, Redis::start(&redis_program, &harness.folder, None)?))
        })?;
        let programs = workspace::programs(kind.profile)?;
        step("Migrating the template database", || {
            postgres.sql("postgres", &format!("CREATE DATABASE {TEMPLATE};"))?;
            database::migrate(&programs, &postgres.url(TEMPLATE))
        })?;
        let keys = keys(&parent)?;
        harness.variables = vec![
            ("TEST_DATABASE_URL", postgres.url("postgres")),
            ("TEST_TEMPLATE_DB", TEMPLATE.to_owned()),
            ("TEST_REDIS_URL", redis.url),
            ("TEST_BIN_DIR", programs.display().to_string()),
            ("TEST_KEYS_DIR", keys.display().to_string()),
            ("TEST_PG_BIN_DIR", postgres_tools.bin.display().to_string()),
        ];
        if let Some(Browser { program, driver }) = browser {
            harness.variables.push(("TEST_CHROMIUM", program.display().to_string()));
            harness.variables.push(("TEST_CHROMEDRIVER", driver.display().to_string()));
        }
        Ok(harness)
    }

    /// Give a command the addresses of these servers.
    pub(crate) fn apply(&self, command: &mut Command) {
        for name in environment::names() {
            if name.starts_with("TEST_") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let outcome = servers::stop_all(&self.folder).and_then(|_| servers::delete(&self.folder));
        if let Err(error) = outcome {
            steps::note(&format!("warning: {error:#}"));
        }
    }
}

/// Remove what killed runs left behind.
fn sweep(parent: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Ok(());
    };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let is_run = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("run-"));
        if is_run && Recorded::alive(&pid::file(&folder, OWNER)).is_none() {
            steps::note(&format!("cleaning up after an earlier run: {}", folder.display()));
            servers::stop_all(&folder)?;
            servers::delete(&folder)?;
        }
    }
    Ok(())
}

/// The folder of the test keys, kept between runs.
fn keys(parent: &Path) -> Result<PathBuf> {
    let folder = parent.join("keys");
    let _lock = Lock::take(&parent.join("keys.lock"), LOCK_LIMIT)?;
    for pair in [
        ("user_private_dev.pem", "user_public_dev.pem"),
        ("portal_private_dev.pem", "portal_public_dev.pem"),
        ("other_private.pem", "other_public.pem"),
    ] {
        keys::ensure(&folder, pair, Strength::Test)?;
    }
    Ok(folder)
}

/// What has to be on the machine, seen to before anything is built: a refusal or a question for a
/// password should not come after minutes.
pub(crate) fn check_machine() -> Result<()> {
    install::postgres()?;
    install::redis()?;
    // Asked last: installing PostgreSQL makes its account.
    account::Account::for_postgres()?;
    Ok(())
}
