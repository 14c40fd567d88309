//! Which release is the previous one: `ops/previous-release`.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{steps, workspace};

const FILE: &str = "ops/previous-release";
/// What stands above the two lines of the file.
const HEAD: &str = "\
# The release before this one: it serves while this one is deployed, and is what a roll-back brings
# back. `cargo xtask upgrade --released` writes this file after a release (docs/deploying.md).
";

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Previous {
    /// The whole commit id.
    pub(super) commit: String,
    /// The number of its newest migration.
    pub(super) schema: u32,
}

impl Previous {
    /// The one of the file. That its number is that of its commit is checked.
    pub(super) fn read() -> Result<Self> {
        let text = fs::read_to_string(path()).with_context(|| format!("could not read {FILE}"))?;
        let named = Self::parse(&text).with_context(|| {
            format!(
                "{FILE} needs the lines `commit` and `schema`; `cargo xtask upgrade --released` writes them"
            )
        })?;
        let found = Self::of(&named.commit)?;
        ensure!(found == named, "{FILE} says schema {}, its commit has {}", named.schema, found.schema);
        Ok(named)
    }

    /// The release of a revision of this repository.
    pub(super) fn of(revision: &str) -> Result<Self> {
        let commit =
            git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]);
        let Ok(commit) = commit else {
            bail!("{}", missing(revision));
        };
        let files = git(&["ls-tree", "--name-only", commit.trim(), "migrations/"])?;
        let schema = newest(&files).with_context(|| format!("{revision} has no migrations"))?;
        Ok(Self { commit: commit.trim().to_owned(), schema })
    }

    /// What is checked out.
    pub(super) fn head() -> Result<Self> {
        Self::of("HEAD")
    }

    /// Into the file.
    pub(super) fn write(&self) -> Result<()> {
        fs::write(path(), self.text()).with_context(|| format!("could not write {FILE}"))?;
        steps::note(&format!("{FILE}: {} with schema {}; commit it", self.commit, self.schema));
        Ok(())
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let commit = value("commit ")?.to_owned();
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_commit.then_some(Self { commit, schema: value("schema ")?.parse().ok()? })
    }

    fn text(&self) -> String {
        format!("{HEAD}commit {}\nschema {}\n", self.commit, self.schema)
    }
}

/// What to do about a commit that git does not have.
fn missing(revision: &str) -> String {
    let is_shallow =
        git(&["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer.trim() == "true");
    if is_shallow {
        format!(
            "{revision} is not in this clone, which has the newest commits only; type: git fetch --unshallow"
        )
    } else {
        format!("there is no commit {revision} here; type: git fetch --all, or name another with --from")
    }
}

fn path() -> PathBuf {
    workspace::root().join(FILE)
}

/// The highest number of these files.
fn newest(files: &str) -> Option<u32> {
    let names = files.lines().filter_map(|line| line.rsplit('/').next());
    names
        .filter(|name| name.ends_with(".up.sql"))
        .filter_map(|name| name.split('_').next()?.parse().ok())
        .max()
}

/// What git answers; its own message is in the error.
pub(super) fn git(words: &[&str]) -> Result<String> {
    let output = Command::new("git").current_dir(workspace::root()).args(words).output();
    let output = output.context("could not run git, which this task needs")?;
    ensure!(
        output.status.success(),
        "git {} failed: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_whole_commit_or_a_number_is_refused() {
        for text in
            ["", "commit 655eca4\nschema 19\n", "schema 19\n", &format!("commit {}\n", "a".repeat(40))]
        {
            assert_eq!(Previous::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let previous = Previous { commit: "0123456789".repeat(4), schema: 21 };
        assert_eq!(Previous::parse(&previous.text()), Some(previous));
    }

    #[test]
    fn the_file_of_this_repository_is_whole() {
        let text = fs::read_to_string(path()).unwrap();
        assert_eq!(Previous::parse(&text).unwrap().text(), text);
    }

    #[test]
    fn a_commit_that_is_not_there_is_an_error_with_the_cure() {
        let error = Previous::of(&"0".repeat(40)).unwrap_err().to_string();
        assert!(error.contains("git fetch"), "{error}");
    }

    #[test]
    fn the_newest_migration_counts_and_nothing_else_in_the_folder() {
        let files = "migrations/0002_b.down.sql\nmigrations/0002_b.up.sql\nmigrations/0011_c.up.sql\nmigrations/README.md";
        assert_eq!(newest(files), Some(11));
        assert_eq!(newest("src/main.rs"), None);
    }
}
