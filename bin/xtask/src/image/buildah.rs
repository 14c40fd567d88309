//! buildah, which needs no service: the Dockerfile from the point where the programs are there. They
//! are built on this machine, and its base is a Debian of the same generation made by debootstrap,
//! because images of others cannot be fetched everywhere.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Builder, DOCKERFILE, emptied};
use crate::{
    process, sbom,
    steps::step,
    workspace::{self, Profile},
};

const BASE: &str = "localhost/enterprise-todo-base";
const PROGRAMS: &str = "localhost/enterprise-todo-programs";

pub(super) struct Buildah {
    program: PathBuf,
    /// Images and containers of ours, apart from those of the machine.
    store: PathBuf,
}

impl Buildah {
    /// Builds the programs and the two images that the Dockerfile's stages begin with.
    pub(super) fn prepare(program: &Path, debootstrap: &Path, built: Option<&Path>) -> Result<Self> {
        let own = Self { program: program.to_owned(), store: workspace::state("images").join("store") };
        fs::create_dir_all(&own.store).context("could not create the folder for images")?;
        let built = match built {
            Some(folder) => folder.to_owned(),
            None => step("Building the programs with optimisation", build)?,
        };
        step("A base with debootstrap", || own.base(debootstrap))?;
        step("An image with the programs", || own.programs(&built))?;
        Ok(own)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // The driver and the isolation that work as root inside of anything.
        command.args(["--storage-driver", "vfs", "--root"]).arg(&self.store);
        command.arg("--runroot").arg(self.store.with_extension("run"));
        command.args(words).current_dir(workspace::root()).env("BUILDAH_ISOLATION", "chroot");
        command
    }

    fn ask(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words).output().context("buildah does not run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "buildah {}: {}", words.join(" "), said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// An image that holds a folder and nothing else.
    fn import(&self, folder: &Path, to: &str, name: &str) -> Result<()> {
        let container = self.ask(&["from", "scratch"])?;
        let source = folder.display().to_string();
        self.ask(&["copy", "--quiet", &container, &source, to])?;
        self.ask(&["commit", "--quiet", "--rm", &container, name]).map(drop)
    }

    /// Made once; only a whole one has its name.
    fn base(&self, debootstrap: &Path) -> Result<()> {
        let folder = workspace::state("images").join("base");
        if !folder.exists() {
            let unfinished = folder.with_extension("new");
            emptied(&unfinished)?;
            let mut command = Command::new(debootstrap);
            command.args(["--variant=minbase", "--include=ca-certificates,libgcc-s1", &generation()?]);
            process::run_quietly(command.arg(&unfinished))?;
            fs::rename(&unfinished, &folder).context("could not name the base")?;
        }
        self.import(&folder, "/", BASE)
    }

    fn programs(&self, built: &Path) -> Result<()> {
        let folder = workspace::state("images").join("programs");
        emptied(&folder)?;
        for name in sbom::PROGRAMS {
            let mut strip = Command::new("strip");
            strip.arg("-o").arg(folder.join(name)).arg(built.join(name));
            process::run_quietly(&mut strip)?;
        }
        sbom::write(&folder)?;
        self.import(&folder, "/programs", PROGRAMS)
    }
}

impl Drop for Buildah {
    fn drop(&mut self) {
        // This driver copies every layer: gigabytes that nobody needs afterwards.
        for folder in [self.store.clone(), self.store.with_extension("run")] {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Builds the programs, and says where they are.
fn build() -> Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--locked"]);
    process::run_or_fail(command.args(sbom::PROGRAMS.iter().flat_map(|name| ["-p", name])))?;
    workspace::programs(Profile::Release)
}

/// This machine's Debian: programs run where their own C library is.
fn generation() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("could not read /etc/os-release")?;
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(|name| name.trim_matches('"').to_owned()).context("this system's release has no name")
}

fn tag(target: &str) -> String {
    format!("localhost/enterprise-todo-{target}")
}

impl Builder for Buildah {
    fn build(&self, target: &str) -> Result<()> {
        let arguments = [format!("BUILDER={BASE}"), format!("PROGRAMS={PROGRAMS}")];
        // Health checks exist in Docker's format only.
        let mut command = self.command(&["build", "--format", "docker", "--layers", "--file", DOCKERFILE]);
        command.args(arguments.iter().flat_map(|argument| ["--build-arg", argument]));
        process::run_quietly(command.args(["--target", target, "--tag", &tag(target), "."]))
    }

    fn settings(&self, target: &str) -> Result<Value> {
        let text = self.ask(&["inspect", "--type", "image", &tag(target)])?;
        let inspected: Value = serde_json::from_str(&text).context("buildah did not answer in JSON")?;
        Ok(inspected["Docker"]["config"].clone())
    }

    fn files(&self, target: &str) -> Result<PathBuf> {
        let container = self.ask(&["from", &tag(target)])?;
        let mounted = self.ask(&["mount", &container])?;
        let folder = workspace::state("images").join(target);
        emptied(&folder)?;
        let mut copy = Command::new("cp");
        process::run_quietly(copy.arg("-a").arg(format!("{mounted}/.")).arg(&folder))?;
        self.ask(&["rm", &container])?;
        Ok(folder)
    }
}
