//! What `cargo xtask test` tells its tests.

use std::path::PathBuf;

/// The value of a variable.
#[expect(clippy::disallowed_methods, reason = "this is where tests read what they are told")]
pub(crate) fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is missing: run `cargo xtask test`"))
}

/// One of our programs.
pub(crate) fn program(name: &str) -> PathBuf {
    PathBuf::from(told("TEST_BIN_DIR")).join(name)
}

/// The text of a key file.
pub(crate) fn key(file: &str) -> String {
    let path = PathBuf::from(told("TEST_KEYS_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The programs of the previous release, where `cargo xtask upgrade` has built them.
pub(crate) fn previous() -> Option<PathBuf> {
    std::env::var_os("TEST_PREVIOUS_BIN_DIR").map(PathBuf::from)
}
