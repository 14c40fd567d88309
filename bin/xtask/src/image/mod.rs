//! `cargo xtask image`: builds the images as they are deployed, looks into them, and runs what is in
//! them as whom and how a container does.

mod buildah;
mod docker;
mod examine;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{
    args::Args,
    sbom, signals,
    steps::{self, step},
    tools,
};

/// What an image holds when it is unpacked.
const BYTES_MAX: u64 = 60 * 1024 * 1024;
const DOCKERFILE: &str = "ops/Dockerfile";

/// What builds images on this machine.
trait Builder {
    /// Builds one target of the Dockerfile.
    fn build(&self, target: &str) -> Result<()>;
    /// Its settings: user, health check, entry point, labels.
    fn settings(&self, target: &str) -> Result<serde_json::Value>;
    /// Its files, unpacked.
    fn files(&self, target: &str) -> Result<PathBuf>;
}

pub(crate) fn run(mut args: Args) -> Result<()> {
    let programs = args.option("--programs")?.map(PathBuf::from);
    args.finish()?;
    signals::listen()?;
    let builder = builder(programs.as_deref())?;
    for target in sbom::PROGRAMS {
        step(&format!("Image of {target}"), || builder.build(target))?;
        let found = examine::image(target, &builder.settings(target)?, &builder.files(target)?)?;
        steps::note(&found);
    }
    Ok(())
}

/// Docker where its service runs; otherwise, and for programs that are there already, buildah.
fn builder(programs: Option<&Path>) -> Result<Box<dyn Builder>> {
    if programs.is_none()
        && let Some(docker) = docker::Docker::find()
    {
        return Ok(Box::new(docker));
    }
    match (tools::program("buildah"), tools::program("debootstrap")) {
        (Some(buildah), Some(debootstrap)) => {
            Ok(Box::new(buildah::Buildah::prepare(&buildah, &debootstrap, programs)?))
        }
        _ => bail!(
            "neither a running Docker nor buildah is here; type: apt-get install -y buildah debootstrap"
        ),
    }
}

/// A folder for unpacked files, empty.
fn emptied(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}
