//! `down` and `reset`: stop what `up` started, and forget it.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{SELF, STOP_LIMIT, State, stop};
use crate::{
    args::Args,
    lock::Lock,
    pid::{self, Recorded},
    servers, steps,
};

/// Longer than stopping all services and servers may take one after the other.
const FOREGROUND_PATIENCE: Duration = Duration::from_secs(100);

/// Stop everything; nothing to stop is fine.
pub(crate) fn down(args: Args) -> Result<()> {
    args.finish()?;
    let state = State::of_this_checkout();
    let was_foreground = end_foreground(&state)?;
    let _lock = Lock::take(&state.lock_file(), STOP_LIMIT)?;
    let is_running = was_foreground || state.is_running();
    stop(&state)?;
    let verdict = if is_running { "Everything is stopped." } else { "Nothing (more) is running." };
    say!("{verdict}");
    Ok(())
}

/// `down`, and everything deleted that `up` made.
pub(crate) fn reset(args: Args) -> Result<()> {
    args.finish()?;
    let state = State::of_this_checkout();
    end_foreground(&state)?;
    let _lock = Lock::take(&state.lock_file(), STOP_LIMIT)?;
    stop(&state)?;
    if !state.folder.exists() {
        say!("{} does not exist; nothing to delete.", state.folder.display());
        return Ok(());
    }
    steps::note(&format!("deleting {} (database, keys, passwords, logs)", state.folder.display()));
    servers::delete(&state.folder)?;
    say!("Deleted; the next `cargo xtask up` starts from nothing.");
    Ok(())
}

/// Ask an `up` in another terminal to end, which stops its services in order. True if there was
/// one.
pub(super) fn end_foreground(state: &State) -> Result<bool> {
    let Some(up) = Recorded::alive(&pid::file(&state.folder, SELF)) else {
        return Ok(false);
    };
    if up.pid == std::process::id() {
        return Ok(false);
    }
    steps::note("asking the running `up` to stop");
    pid::send("TERM", &up.pid.to_string());
    ensure!(
        up.ends_within(FOREGROUND_PATIENCE),
        "the running `up` (process {}) did not end within {}; stop it, then try again",
        up.pid,
        steps::elapsed(FOREGROUND_PATIENCE)
    );
    Ok(true)
}
