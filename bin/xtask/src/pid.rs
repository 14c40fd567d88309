//! Processes we started, remembered in files.
//!
//! A number alone is not enough: after a crash or a reboot it may belong to a stranger. The file
//! therefore also holds when that process started, and only an exact match is ever signalled.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

const POLL: Duration = Duration::from_millis(50);

/// A signal and how long to wait for its effect.
pub(crate) type Nudge = (&'static str, Duration);

/// A service gets time to finish its commands and close its sockets.
pub(crate) const STOP_SERVICE: &[Nudge] =
    &[("TERM", Duration::from_secs(25)), ("KILL", Duration::from_secs(5))];
/// Postgres: a fast shutdown, then an immediate one.
pub(crate) const STOP_POSTGRES: &[Nudge] =
    &[("INT", Duration::from_secs(20)), ("QUIT", Duration::from_secs(10)), ("KILL", Duration::from_secs(5))];
pub(crate) const STOP_REDIS: &[Nudge] =
    &[("TERM", Duration::from_secs(10)), ("KILL", Duration::from_secs(5))];

/// One process, told apart from others that had or will have its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) pid: u32,
    started: String,
}

impl Recorded {
    /// Remember a process that runs now.
    pub(crate) fn write(path: &Path, pid: u32) -> Result<Self> {
        let Some(started) = started(pid) else {
            bail!("process {pid} ended right after its start");
        };
        fs::write(path, format!("{pid}\n{started}\n"))
            .with_context(|| format!("could not write {}", path.display()))?;
        Ok(Self { pid, started })
    }

    /// The process of this file, if that very process still runs.
    pub(crate) fn alive(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (pid, started) = text.trim_end().split_once('\n')?;
        let recorded = Self { pid: pid.parse().ok()?, started: started.to_owned() };
        recorded.is_alive().then_some(recorded)
    }

    pub(crate) fn is_alive(&self) -> bool {
        started(self.pid).as_ref() == Some(&self.started)
    }

    /// Ask, wait, insist.
    pub(crate) fn stop(&self, nudges: &[Nudge]) -> Result<()> {
        for (signal, patience) in nudges {
            send(signal, &self.pid.to_string());
            if self.ends_within(*patience) {
                return Ok(());
            }
        }
        bail!("process {} does not end, even killed", self.pid)
    }

    pub(crate) fn ends_within(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        while self.is_alive() {
            if begun.elapsed() > patience {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }
}

/// Where the number of a named process is kept.
pub(crate) fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.pid"))
}

/// Stop the named process if it is ours and runs; true if there was one.
pub(crate) fn stop_named(folder: &Path, name: &str, nudges: &[Nudge]) -> Result<bool> {
    let path = file(folder, name);
    let stopped = match Recorded::alive(&path) {
        Some(process) => {
            process.stop(nudges).with_context(|| format!("could not stop {name}"))?;
            true
        }
        None => false,
    };
    if path.exists() {
        fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
    }
    Ok(stopped)
}

/// Signal a process, or with `-` before the number a whole group. The shell's own `kill` is there
/// on every system, also where no such program is installed.
pub(crate) fn send(signal: &str, target: &str) {
    // A process that ended in the meantime is what was wanted.
    let _ = Command::new("/bin/sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "kill", signal, target])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// When a living process started; `None` for one that is gone or only waits to be reaped.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<String> {
    const STATE: usize = 0;
    const START_TIME: usize = 19;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may itself hold blanks and parentheses.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    if matches!(*fields.get(STATE)?, "Z" | "X") {
        return None;
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{} {}", fields.get(START_TIME)?, boot.trim()))
}

#[cfg(not(target_os = "linux"))]
fn started(pid: u32) -> Option<String> {
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let (state, started) = line.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| started.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_with_the_same_number_is_not_ours() {
        let path = std::env::temp_dir().join(format!("xtask-pid-{}", std::process::id()));
        fs::write(&path, format!("{}\nsome other time\n", std::process::id())).unwrap();
        let alive = Recorded::alive(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(alive, None);
    }

    #[test]
    fn a_child_is_stopped_and_known_to_be_gone() {
        let folder = std::env::temp_dir();
        let name = format!("xtask-sleep-{}", std::process::id());
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        Recorded::write(&file(&folder, &name), child.id()).unwrap();
        assert!(stop_named(&folder, &name, STOP_REDIS).unwrap());
        assert!(!stop_named(&folder, &name, STOP_REDIS).unwrap());
        child.wait().unwrap();
    }
}
