//! The previous release's sources and programs, below `target/upgrade`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use super::previous::{Previous, git};
use crate::{
    process,
    steps::{self, step},
    workspace::{self, Profile},
};

/// What a release consists of.
const PROGRAMS: [&str; 4] = ["api", "portal-api", "worker", "migrator"];
/// Appended to the version of the copy. Cargo tells packages apart by it, so that both releases are
/// built in one folder and share the crates of others; in the same folder under the same version, the
/// programs of one could be taken for the other's.
const MARK: &str = "-previous";

/// An applied migration is never edited: those of the release are here as they were.
pub(super) fn unchanged(previous: &Previous) -> Result<()> {
    // Added files are what upgrades are about.
    let changed = git(&["diff", "--name-status", "--diff-filter=a", &previous.commit, "--", "migrations/"])?;
    ensure!(
        changed.trim().is_empty(),
        "migrations of the previous release were changed; restore them, and add new ones:\n{}",
        changed.trim_end()
    );
    Ok(())
}

/// The folder of a release's programs, built unless they are there.
pub(super) fn programs(commit: &str) -> Result<PathBuf> {
    let folder = workspace::state("upgrade").join(commit);
    let done = folder.join("bin");
    if done.exists() {
        steps::note(&format!("its programs are there: {}", done.display()));
        return Ok(done);
    }
    let source = folder.join("source");
    step("Taking the sources of the previous release from git", || unpack(commit, &folder, &source))?;
    step("Building the previous release", || build(&source))?;
    // Copied beside and renamed: what was interrupted is never taken for a whole.
    let copies = folder.join("bin.new");
    fs::create_dir_all(&copies).with_context(|| format!("could not create {}", copies.display()))?;
    let built = workspace::programs(Profile::Dev)?;
    for program in PROGRAMS {
        fs::copy(built.join(program), copies.join(program))
            .with_context(|| format!("could not copy {program}"))?;
    }
    fs::rename(&copies, &done).context("could not name the folder of the programs")?;
    fs::remove_dir_all(&source).context("could not delete the sources")?;
    Ok(done)
}

/// Neither release may be the other one under another name.
pub(super) fn differ(one: &Path, other: &Path) -> Result<()> {
    for program in PROGRAMS {
        let read = |folder: &Path| {
            let path = folder.join(program);
            fs::read(&path).with_context(|| format!("could not read {}", path.display()))
        };
        ensure!(read(one)? != read(other)?, "{program} is the same program in both releases");
    }
    Ok(())
}

fn unpack(commit: &str, folder: &Path, source: &Path) -> Result<()> {
    if source.exists() {
        fs::remove_dir_all(source).context("could not delete the sources of an earlier run")?;
    }
    fs::create_dir_all(source).with_context(|| format!("could not create {}", source.display()))?;
    let archive = folder.join("source.tar");
    git(&["archive", "--format=tar", "--output", &archive.display().to_string(), commit])?;
    let mut tar = Command::new("tar");
    // As new files: cargo takes for built what is older than the last build.
    tar.arg("-xmf").arg(&archive).arg("-C").arg(source);
    process::run_quietly(&mut tar)?;
    fs::remove_file(&archive).context("could not delete the archive")?;
    let manifest = source.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).context("the previous release has no Cargo.toml")?;
    fs::write(&manifest, marked(&text)?).context("could not mark the previous release")
}

/// The manifest with a version of its own.
fn marked(manifest: &str) -> Result<String> {
    let mut in_package = false;
    let mut is_marked = false;
    let lines = manifest.lines().map(|line| {
        if line.starts_with('[') {
            in_package = line.trim() == "[workspace.package]";
        }
        match line.strip_suffix('"') {
            Some(rest) if in_package && line.starts_with("version = \"") => {
                is_marked = true;
                format!("{rest}{MARK}\"")
            }
            Some(_) | None => line.to_owned(),
        }
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    if is_marked {
        return Ok(text);
    }
    bail!("the Cargo.toml of the previous release has no version in [workspace.package]")
}

/// With its own lock file: only the versions of our packages are other ones in it.
fn build(source: &Path) -> Result<()> {
    let target = workspace::programs(Profile::Dev)?;
    let target = target.parent().context("cargo's folder has a parent")?;
    // As a whole, like this release: a choice of packages would be a choice of features, and build the
    // crates of others again.
    let mut command = workspace::cargo();
    command.arg("build").current_dir(source).env("CARGO_TARGET_DIR", target);
    process::run_or_fail(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_gets_a_version_of_its_own_and_nothing_else_is_changed() {
        let text = "[workspace]\nmembers = []\n\n[workspace.package]\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                    [workspace.dependencies]\nversion = \"1\"\n";
        let expected = text.replace("\"0.1.0\"", "\"0.1.0-previous\"");
        assert_eq!(marked(text).unwrap(), expected);
        assert!(marked("[package]\nversion = \"1\"\n").is_err());
    }

    #[test]
    fn a_program_that_is_its_own_predecessor_is_found() {
        let folder = std::env::temp_dir().join(format!("xtask-upgrade-{}", std::process::id()));
        for program in PROGRAMS {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(program), program).unwrap();
        }
        let error = differ(&folder, &folder).unwrap_err();
        fs::remove_dir_all(&folder).unwrap();
        assert!(error.to_string().contains("the same program"), "{error}");
    }
}
