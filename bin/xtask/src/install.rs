//! Installing Postgres, Redis, Chromium and small tools when they are missing, or saying the exact line to type.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::{
    account, process,
    steps::step,
    tools::{self, Browser, POSTGRES_MAJOR_MIN, PostgresTools},
};

/// A package by its name at each package manager.
struct Package {
    apt: &'static str,
    brew: &'static str,
    dnf: &'static str,
    apk: &'static str,
}

const POSTGRES: Package = Package {
    apt: "postgresql",
    brew: "postgresql@15",
    dnf: "postgresql-server postgresql-contrib",
    apk: "postgresql17 postgresql17-contrib",
};
const REDIS: Package = Package { apt: "redis-server", brew: "redis", dnf: "redis", apk: "redis" };
const JQ: Package = Package { apt: "jq", brew: "jq", dnf: "jq", apk: "jq" };
const SHELLCHECK: Package =
    Package { apt: "shellcheck", brew: "shellcheck", dnf: "ShellCheck", apk: "shellcheck" };

const BROWSER: Package = Package {
    apt: "chromium chromium-driver",
    brew: "--cask chromium chromedriver",
    dnf: "chromium chromedriver",
    apk: "chromium chromium-chromedriver",
};

/// Debian starts what it installs. A `policy-rc.d` that says "forbidden" keeps it from doing so;
/// one that is there already is somebody else's decision and stays as it is.
const APT_SCRIPT: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
apt-get -q -o DPkg::Lock::Timeout=120 update || echo 'apt-get update failed; trying with what is known'
apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@"
"#;

/// Postgres's programs, installed if need be.
pub(crate) fn postgres() -> Result<PostgresTools> {
    ensure("PostgreSQL", &POSTGRES, PostgresTools::find, &newer())
}

/// The Postgres that made an existing data folder, or any when there is none yet.
pub(crate) fn postgres_for(made_by: Option<u32>) -> Result<PostgresTools> {
    let Some(major) = made_by else {
        return postgres();
    };
    match PostgresTools::of_major(major) {
        Some(tools) => Ok(tools),
        None => bail!(
            "the development data was made by PostgreSQL {major}, which is not installed any \
             more; install it, or delete the data: cargo xtask reset"
        ),
    }
}

/// The Redis server, installed if need be.
pub(crate) fn redis() -> Result<PathBuf> {
    ensure("Redis", &REDIS, tools::redis_server, "add its folder to PATH")
}

/// What the scripts of a delivery read JSON with.
pub(crate) fn jq() -> Result<PathBuf> {
    ensure("jq", &JQ, || tools::program("jq"), "add its folder to PATH")
}

/// The linter of shell scripts.
pub(crate) fn shellcheck() -> Result<PathBuf> {
    ensure("shellcheck", &SHELLCHECK, || tools::program("shellcheck"), "add its folder to PATH")
}

/// Chromium and its driver, installed if need be.
pub(crate) fn browser() -> Result<Browser> {
    ensure("Chromium", &BROWSER, Browser::find, "add chromium and chromedriver to PATH")
}

/// `afterwards` is what helps when the package manager's own version is not enough.
fn ensure<T>(what: &str, package: &Package, find: impl Fn() -> Option<T>, afterwards: &str) -> Result<T> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let Some(mut command) = installer(package) else {
        bail!("{what} is not installed, and cannot be installed from here; {}", advice(package));
    };
    step(&format!("Installing {what} (it is not on this machine)"), || process::run_quietly(&mut command))
        .map_err(|error| error.context(format!("{what} could not be installed; {}", advice(package))))?;
    match find() {
        Some(found) => Ok(found),
        None => bail!("{what} was installed, but nothing usable is found; {afterwards}"),
    }
}

/// The command that installs without asking, if this machine has one that we may run.
fn installer(package: &Package) -> Option<Command> {
    if tools::program("apt-get").is_some() {
        let mut command = privileged()?;
        command.args(["/bin/sh", "-c", APT_SCRIPT, "install"]);
        command.args(package.apt.split(' '));
        return Some(command);
    }
    let brew = tools::program("brew")?;
    let mut command = Command::new(brew);
    command.arg("install").args(package.brew.split(' ')).env("HOMEBREW_NO_AUTO_UPDATE", "1");
    Some(command)
}

/// A prefix that runs the rest as root: nothing for root (`env` just runs it), `sudo` otherwise.
fn privileged() -> Option<Command> {
    if account::is_root().unwrap_or(false) {
        return Some(Command::new("/usr/bin/env"));
    }
    let sudo = tools::program("sudo")?;
    let asks_nothing = Command::new(&sudo)
        .args(["-n", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = Command::new(&sudo);
    if asks_nothing {
        command.arg("-n");
        return Some(command);
    }
    if !io::stdin().is_terminal() {
        return None;
    }
    // Ask for the password here and now: the installation itself runs in the background.
    let is_allowed = Command::new(&sudo)
        .args(["-v", "-p", "sudo password to install packages: "])
        .status()
        .is_ok_and(|status| status.success());
    is_allowed.then(|| {
        command.arg("-n");
        command
    })
}

fn advice(package: &Package) -> String {
    let sudo = if account::is_root().unwrap_or(false) { "" } else { "sudo " };
    let line = if tools::program("apt-get").is_some() {
        format!("{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {}", package.apt)
    } else if tools::program("dnf").is_some() {
        format!("{sudo}dnf install -y {}", package.dnf)
    } else if tools::program("apk").is_some() {
        format!("{sudo}apk add {}", package.apk)
    } else {
        format!("brew install {}", package.brew)
    };
    format!("type: {line}")
}

/// Older releases of Debian and Ubuntu carry a Postgres before 15; its makers keep newer ones.
/// Adding their repository is the person's decision.
fn newer() -> String {
    let sudo = if account::is_root().unwrap_or(false) { "" } else { "sudo " };
    format!(
        "version {POSTGRES_MAJOR_MIN} or newer is needed; type: {sudo}apt-get install -y postgresql-common ca-certificates && \
         {sudo}/usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && \
         {sudo}apt-get install -y --no-install-recommends postgresql-{POSTGRES_MAJOR_MIN}"
    )
}
