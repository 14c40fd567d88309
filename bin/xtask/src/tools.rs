//! Finding the programs of Postgres and Redis on this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::environment;

/// The oldest server our SQL works on.
pub(crate) const POSTGRES_MAJOR_MIN: u32 = 15;

const POSTGRES_PROGRAMS: [&str; 4] = ["postgres", "initdb", "psql", "pg_isready"];
/// Valkey is the same server under another name.
const REDIS_PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

const BROWSER_PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Parents of `<version>/bin` folders.
const VERSIONED: [&str; 2] = ["/usr/lib/postgresql", "/Applications/Postgres.app/Contents/Versions"];
/// Parents of `postgresql…/bin` folders.
const PREFIXED: [&str; 4] = ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt", "/usr"];
/// Where Redis may be although `PATH` does not say so.
const EXTRA_FOLDERS: [&str; 7] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/redis/bin",
    "/usr/local/opt/redis/bin",
    "/home/linuxbrew/.linuxbrew/bin",
];

/// One installation of Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostgresTools {
    pub(crate) bin: PathBuf,
    pub(crate) major: u32,
}

impl PostgresTools {
    /// Every complete installation, the one `pg_config` names first, then the newest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for folder in postgres_folders() {
            let folder = folder.canonicalize().unwrap_or(folder);
            let is_known = found.iter().any(|tools| tools.bin == folder);
            if !is_known && let Some(tools) = Self::at(&folder) {
                found.push(tools);
            }
        }
        found
    }

    /// The best one that is new enough.
    pub(crate) fn find() -> Option<Self> {
        Self::all().into_iter().find(|tools| tools.major >= POSTGRES_MAJOR_MIN)
    }

    /// The one that made a data folder: another major version cannot open it.
    pub(crate) fn of_major(major: u32) -> Option<Self> {
        Self::all().into_iter().find(|tools| tools.major == major)
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn at(folder: &Path) -> Option<Self> {
        if !POSTGRES_PROGRAMS.iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = major(&String::from_utf8(output.stdout).ok()?)?;
        Some(Self { bin: folder.to_owned(), major })
    }
}

/// Chromium, or its twin of another brand, and the driver that leads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Browser {
    pub(crate) program: PathBuf,
    pub(crate) driver: PathBuf,
}

impl Browser {
    /// Both of them.
    pub(crate) fn find() -> Option<Self> {
        let program = BROWSER_PROGRAMS.iter().find_map(|name| program(name))?;
        Some(Self { program, driver: self::program("chromedriver")? })
    }
}

/// The server program of Redis or of its twin.
pub(crate) fn redis_server() -> Option<PathBuf> {
    REDIS_PROGRAMS.iter().find_map(|name| program(name))
}

/// A program in `PATH` or in a folder where package managers put such things.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    environment::path_folders()
        .into_iter()
        .chain(EXTRA_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn postgres_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for parent in VERSIONED {
        versions.extend(children(parent, ""));
    }
    for parent in PREFIXED {
        versions.extend(children(parent, "postgresql@"));
        versions.extend(children(parent, "pgsql-"));
        versions.extend(children(parent, "postgresql"));
    }
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    folders.extend(versions.into_iter().map(|(_, folder)| folder));
    // A link in PATH leads to the folder where the other programs are as well.
    let linked = environment::path_folders()
        .into_iter()
        .filter_map(|folder| folder.join("postgres").canonicalize().ok());
    folders.extend(linked.filter_map(|program| program.parent().map(Path::to_owned)));
    folders
}

/// `parent/<prefix><version>/bin`, with the version as a number.
fn children(parent: &str, prefix: &str) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let versioned = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name.strip_prefix(prefix)?;
        // Only the folder without a version is called just that.
        let version = if version.is_empty() { 0 } else { version.parse().ok()? };
        Some((version, entry.path().join("bin")))
    });
    versioned.collect()
}

/// `postgres (Postgres) 15.13 (Debian …)` → 15.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_the_server_says() {
        assert_eq!(major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("something else"), None);
    }
}
