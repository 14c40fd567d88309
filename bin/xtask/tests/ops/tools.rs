//! Programs of others, which may be missing.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("bin/xtask is two levels down")
}

/// A folder of this test's own below `target`, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = root().join("target/ops-tests").join(format!("{}-{name}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program, or `None` after saying that the test is skipped. The set-up of `cargo xtask test`
/// puts what it can into `target/tools`.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let own = root().join("target/tools/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let program =
        env::split_paths(&path).chain([own]).map(|folder| folder.join(name)).find(|it| it.is_file());
    if program.is_none() {
        skipped(&format!("{name} is not on this machine"));
    }
    program
}

/// What takes long runs under `cargo xtask test`, and not with every `cargo test`.
pub(crate) fn is_whole_run() -> bool {
    let is_whole = env::var_os("TEST_BIN_DIR").is_some();
    if !is_whole {
        skipped("it takes long; `cargo xtask test` runs it");
    }
    is_whole
}

/// Past the capture of output: nobody should take a test that did not run for one that passed.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {why}");
}

/// Runs a command, which must succeed, and gives what it said.
pub(crate) fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = said(&output);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

/// Both streams.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The text of a file of this repository.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
