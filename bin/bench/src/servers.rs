//! What `cargo xtask bench` tells this program about the servers it started.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

/// The servers and files of one run.
pub(crate) struct Servers {
    /// The superuser's, on the database `postgres`.
    pub(crate) database_url: String,
    /// A migrated database to copy.
    pub(crate) template: String,
    pub(crate) redis_url: String,
    /// Where `api` and the others were built.
    pub(crate) programs: PathBuf,
    keys: PathBuf,
    /// Where `pgbench` is, if the harness knows.
    pub(crate) postgres_programs: Option<PathBuf>,
}

impl Servers {
    pub(crate) fn read() -> Result<Self> {
        let told = |name: &str| {
            variable(name).with_context(|| format!("{name} is not set: start this with `cargo xtask bench`"))
        };
        Ok(Self {
            database_url: told("TEST_DATABASE_URL")?,
            template: told("TEST_TEMPLATE_DB")?,
            redis_url: told("TEST_REDIS_URL")?,
            programs: told("TEST_BIN_DIR")?.into(),
            keys: told("TEST_KEYS_DIR")?.into(),
            postgres_programs: variable("TEST_PG_BIN_DIR").map(PathBuf::from),
        })
    }

    /// A PEM of the user surface.
    pub(crate) fn key(&self, kind: &str) -> Result<String> {
        self.key_of("user", kind)
    }

    /// A PEM of a surface.
    pub(crate) fn key_of(&self, surface: &str, kind: &str) -> Result<String> {
        let path = self.keys.join(format!("{surface}_{kind}_dev.pem"));
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
    }
}

/// Where programs are looked for.
pub(crate) fn path_folders() -> Vec<PathBuf> {
    variable("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
