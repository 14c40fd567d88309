//! Ctrl-C, SIGTERM and a closed terminal, turned into one flag that loops look at.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::Exit;

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on these signals ask us to stop instead of killing us, so that servers we started
/// are stopped too.
pub(crate) fn listen() -> Result<()> {
    let flag = STOP.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag)).context("could not listen for signals")?;
    }
    Ok(())
}

pub(crate) fn stop_asked() -> bool {
    STOP.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// An error once somebody asked to stop: the way out of start-up work.
pub(crate) fn check() -> Result<()> {
    if stop_asked() {
        return Err(Exit::interrupted());
    }
    Ok(())
}
