//! The only place that reads this process's environment and arguments.
#![expect(
    clippy::disallowed_methods,
    reason = "the task runner's own settings come from the environment, and are read here only"
)]

use std::{env, path::PathBuf};

/// The command's words without the program's own name.
pub(crate) fn arguments() -> impl Iterator<Item = String> {
    env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())
}

/// A variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Names of all variables, for deciding which of them a service may inherit.
pub(crate) fn names() -> Vec<String> {
    env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

/// The folders of `PATH`, in order.
pub(crate) fn path_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect()
}

/// The cargo that started us, so that the same toolchain builds everything.
pub(crate) fn cargo() -> String {
    variable("CARGO").unwrap_or_else(|| "cargo".to_owned())
}
