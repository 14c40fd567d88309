//! Counts of what is tolerated, which can only go down.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::{steps, workspace};

/// The stored counts, `name = number` a line.
#[derive(Debug)]
pub(super) struct Ratchet {
    path: PathBuf,
    counts: Vec<(String, usize)>,
    is_changed: bool,
}

impl Ratchet {
    pub(super) fn read() -> Result<Self> {
        let path = workspace::root().join("bin/xtask/ratchet.txt");
        let text = fs::read_to_string(&path).context("could not read bin/xtask/ratchet.txt")?;
        Ok(Self { path, counts: parse(&text), is_changed: false })
    }

    /// More than is tolerated is wrong; fewer lowers the count for good.
    pub(super) fn hold(&mut self, name: &str, found: &[String], wrong: &mut Vec<String>) {
        let Some(entry) = self.counts.iter_mut().find(|(stored, _)| stored == name) else {
            wrong.push(format!("bin/xtask/ratchet.txt has no line for {name}"));
            return;
        };
        if found.len() > entry.1 {
            wrong.extend_from_slice(found);
            wrong.push(format!("{name}: {} found, {} tolerated", found.len(), entry.1));
        } else if found.len() < entry.1 {
            steps::note(&format!("{name}: the ratchet goes down to {}; commit it", found.len()));
            entry.1 = found.len();
            self.is_changed = true;
        }
    }

    pub(super) fn write(&self) -> Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        fs::write(&self.path, render(&self.counts)).context("could not write the ratchet")
    }
}

fn parse(text: &str) -> Vec<(String, usize)> {
    let entries = text.lines().filter_map(|line| {
        let (name, count) = line.split_once('=')?;
        Some((name.trim().to_owned(), count.trim().parse().ok()?))
    });
    entries.collect()
}

fn render(counts: &[(String, usize)]) -> String {
    let lines = counts.iter().map(|(name, count)| format!("{name} = {count}"));
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratchet() -> Ratchet {
        Ratchet { path: PathBuf::new(), counts: parse("long_files = 1\n"), is_changed: false }
    }

    #[test]
    fn one_more_than_tolerated_is_wrong() {
        let mut wrong = Vec::new();
        let found = ["a".to_owned(), "b".to_owned()];
        ratchet().hold("long_files", &found, &mut wrong);
        assert_eq!(wrong, ["a", "b", "long_files: 2 found, 1 tolerated"]);
    }

    #[test]
    fn one_fewer_stays_fewer() {
        let mut ratchet = ratchet();
        ratchet.hold("long_files", &[], &mut Vec::new());
        assert_eq!(render(&ratchet.counts), "long_files = 0\n");
        assert!(ratchet.is_changed);
    }
}
