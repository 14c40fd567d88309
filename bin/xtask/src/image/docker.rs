//! Docker: the whole Dockerfile, compiler included.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Builder, DOCKERFILE, emptied};
use crate::{process, tools, workspace};

pub(super) struct Docker(PathBuf);

impl Docker {
    /// A client whose service answers.
    pub(super) fn find() -> Option<Self> {
        let program = tools::program("docker")?;
        let answers = Command::new(&program).arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status();
        answers.is_ok_and(|status| status.success()).then_some(Self(program))
    }

    fn ask(&self, words: &[&str]) -> Result<String> {
        let output = Command::new(&self.0).args(words).output().context("docker does not run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "docker {}: {}", words.join(" "), said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn tag(target: &str) -> String {
    format!("enterprise-todo/{target}:latest")
}

impl Builder for Docker {
    fn build(&self, target: &str) -> Result<()> {
        let mut command = Command::new(&self.0);
        command.current_dir(workspace::root()).args(["build", "--file", DOCKERFILE, "--target", target]);
        process::run_or_fail(command.args(["--tag", &tag(target), "."]))
    }

    fn settings(&self, target: &str) -> Result<Value> {
        let text = self.ask(&["image", "inspect", "--format", "{{json .Config}}", &tag(target)])?;
        serde_json::from_str(&text).context("docker did not answer in JSON")
    }

    fn files(&self, target: &str) -> Result<PathBuf> {
        let folder = workspace::state("images").join(target);
        emptied(&folder)?;
        let container = self.ask(&["create", &tag(target)])?;
        let archive = folder.with_extension("tar");
        let archive_text = archive.display().to_string();
        let exported = self.ask(&["export", "--output", &archive_text, &container]);
        self.ask(&["rm", &container])?;
        exported?;
        process::run_quietly(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&folder))?;
        std::fs::remove_file(&archive)?;
        Ok(folder)
    }
}
