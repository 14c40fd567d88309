//! `cargo xtask schema`: the public contracts as files, so that every change of them is seen.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    args::Args,
    database, process, signals,
    steps::{self, step},
    workspace::{self, Profile},
};

/// File below `schema/`, program, and what to ask it.
const DOCUMENTS: [(&str, &str, &str); 4] = [
    ("user.graphql", "api", "schema"),
    ("portal.graphql", "portal-api", "schema"),
    ("openapi-user.json", "api", "openapi"),
    ("openapi-portal.json", "portal-api", "openapi"),
];

pub(crate) fn run(mut args: Args) -> Result<()> {
    let is_check = args.flag("--check");
    args.finish()?;
    signals::listen()?;
    step("Building the two services", || {
        process::run_or_fail(workspace::cargo().args(["build", "-p", "api", "-p", "portal-api"]))
    })?;
    let programs = workspace::programs(Profile::Dev)?;
    let folder = workspace::root().join("schema");
    let mut stale = Vec::new();
    for (file, program, question) in DOCUMENTS {
        let current = ask(&programs, program, question)?;
        let path = folder.join(file);
        let stored = fs::read_to_string(&path).unwrap_or_default();
        if stored == current {
            continue;
        }
        if is_check {
            stale.push(format!("schema/{file}: {}", first_difference(&stored, &current)));
            continue;
        }
        fs::create_dir_all(&folder).context("could not create schema/")?;
        fs::write(&path, current).with_context(|| format!("could not write {}", path.display()))?;
        steps::note(&format!("wrote schema/{file}"));
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!(
        "the stored contracts differ from the code; look at the change, then type: cargo xtask \
         schema\n  {}",
        stale.join("\n  ")
    )
}

fn ask(programs: &Path, program: &str, question: &str) -> Result<String> {
    let mut command = database::program(programs, program);
    command.arg(question);
    let (status, text) = process::capture(&mut command, "")?;
    ensure!(
        status.success() && !text.trim().is_empty(),
        "`{program} {question}` printed nothing usable ({status})"
    );
    Ok(format!("{}\n", text.trim_end()))
}

/// The first line that is not the same, which is mostly enough to know what happened.
fn first_difference(stored: &str, current: &str) -> String {
    if stored.is_empty() {
        return "is missing".to_owned();
    }
    let lines = stored.lines().zip(current.lines()).enumerate();
    let differing = lines.into_iter().find(|(_, (old, new))| old != new);
    match differing {
        Some((index, (old, new))) => {
            format!("line {}: stored `{}`, now `{}`", index + 1, old.trim(), new.trim())
        }
        None => "one is longer than the other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_is_shown() {
        assert_eq!(first_difference("", "a"), "is missing");
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), "line 2: stored `b`, now `c`");
        assert_eq!(first_difference("a\n", "a\nb\n"), "one is longer than the other");
    }
}
