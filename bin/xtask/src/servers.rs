//! The private servers of one state folder, together: Postgres, Redis, and what runs on them.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    pid::{self, Nudge, STOP_POSTGRES, STOP_REDIS, STOP_SERVICE},
    postgres, redis,
};

/// Everything that may run in a state folder, in the order in which it is stopped: nobody loses
/// the server it still writes to.
const STOP_ORDER: [(&str, &[Nudge]); 4] = [
    ("api", STOP_SERVICE),
    ("portal-api", STOP_SERVICE),
    (redis::NAME, STOP_REDIS),
    (postgres::NAME, STOP_POSTGRES),
];

/// Stop what runs in this folder. The names of what was running come back; one that cannot be
/// stopped does not keep the others running.
pub(crate) fn stop_all(folder: &Path) -> Result<Vec<&'static str>> {
    let mut stopped = Vec::new();
    let mut outcome = Ok(());
    for (name, nudges) in STOP_ORDER {
        match pid::stop_named(folder, name, nudges) {
            Ok(true) => stopped.push(name),
            Ok(false) => {}
            Err(error) => outcome = Err(error),
        }
    }
    outcome.map(|()| stopped)
}

/// Delete a state folder with the data in it.
pub(crate) fn delete(folder: &Path) -> Result<()> {
    postgres::delete(folder)?;
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("could not delete {}", folder.display()))?;
    }
    Ok(())
}
