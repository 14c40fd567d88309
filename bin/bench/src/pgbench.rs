//! `pgbench`: what Postgres itself can insert.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::servers::{Servers, path_folders};

/// A script and what it needs.
pub(crate) struct Pgbench {
    program: PathBuf,
    script: PathBuf,
    url: String,
}

impl Pgbench {
    pub(crate) fn new(servers: &Servers, url: &str, folder: &Path, sql: &str) -> Result<Self> {
        let script = folder.join("insert.sql");
        fs::write(&script, sql).with_context(|| format!("could not write {}", script.display()))?;
        Ok(Self { program: find(servers)?, script, url: url.to_owned() })
    }

    /// Transactions a second of `clients` connections. Variables reach the script by their names.
    pub(crate) fn run(&self, clients: usize, time: Duration, variables: &[(&str, String)]) -> Result<f64> {
        let mut command = Command::new(&self.program);
        command.args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string()]);
        command.args(["-T", &time.as_secs().max(1).to_string(), "-f"]).arg(&self.script);
        for (name, value) in variables {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        let output = command.arg(&self.url).output().context("could not run pgbench")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench failed: {said}");
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.with_context(|| format!("pgbench named no rate: {text}"))
    }
}

/// Beside the server's programs, on the path, or where Debian keeps it.
fn find(servers: &Servers) -> Result<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|entry| entry.path().join("bin"));
    let mut folders = servers.postgres_programs.iter().cloned().chain(path_folders()).chain(debian);
    let found = folders.find_map(|folder| Some(folder.join("pgbench")).filter(|program| program.is_file()));
    found.context("pgbench was not found: it belongs to the PostgreSQL client or server package")
}
