//! What an image must be, and what its program must do inside of it.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Output},
    thread,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::BYTES_MAX;
use crate::{account::is_root, tools};

const USER: &str = "65532:65532";
/// Names of shells and package managers; none may be there.
const UNWANTED: [&str; 8] = ["sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "apk"];
const SURFACES: [&str; 2] = ["api", "portal-api"];
/// The health check's times, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// Says what was found, when all of it is right.
pub(super) fn image(target: &str, settings: &Value, files: &Path) -> Result<String> {
    let program = format!("/usr/local/bin/{target}");
    ensure!(settings["User"] == USER, "it runs as {}, not as {USER}", settings["User"]);
    ensure!(settings["Entrypoint"] == json!([program]), "it starts {}", settings["Entrypoint"]);
    let labels = &settings["Labels"];
    for label in ["title", "revision", "licenses"] {
        let name = format!("org.opencontainers.image.{label}");
        ensure!(labels[&name].is_string(), "the label {name} is missing");
    }
    health_check(target, &program, &settings["Healthcheck"])?;

    let mut names = Vec::new();
    let bytes = walk(files, &mut names)?;
    ensure!(bytes < BYTES_MAX, "{bytes} bytes are more than {BYTES_MAX}");
    for name in &names {
        let own = name.rsplit('/').next().unwrap_or_default();
        ensure!(!UNWANTED.contains(&own), "{name} has no place in it");
    }
    let bill = fs::read_to_string(files.join(format!("usr/share/sbom/{target}.cdx.json")));
    let bill: Value = serde_json::from_str(&bill.context("there is no SBOM in it")?)?;
    let parts = bill["components"].as_array().map_or(0, Vec::len);
    ensure!(bill["bomFormat"] == "CycloneDX" && parts > 50, "its SBOM names {parts} components");

    let help = inside(files, &program, "--help", &[])?;
    ensure!(help.status.success(), "it does not run in its image: {}", said(&help));
    if SURFACES.contains(&target) {
        answers_and_does_not(files, &program)?;
    }
    let mib = bytes / (1024 * 1024);
    Ok(format!("{mib} MiB in {} files, {parts} components, runs as {USER}, no shell", names.len()))
}

fn health_check(target: &str, program: &str, check: &Value) -> Result<()> {
    if !SURFACES.contains(&target) {
        ensure!(check.is_null(), "{target} has no surface to check");
        return Ok(());
    }
    ensure!(check["Test"] == json!(["CMD", program, "healthcheck"]), "its health check is {}", check["Test"]);
    let times = [("Interval", 30 * SECOND), ("Timeout", 5 * SECOND), ("StartPeriod", 60 * SECOND)];
    for (name, expected) in times {
        ensure!(check[name] == expected, "the health check's {name} is {}", check[name]);
    }
    ensure!(check["Retries"] == 3, "the health check tries {} times", check["Retries"]);
    Ok(())
}

/// Sizes and names of all files below.
fn walk(folder: &Path, names: &mut Vec<String>) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            bytes += walk(&entry.path(), names)?;
        } else {
            names.push(entry.path().display().to_string());
            bytes += if kind.is_file() { entry.metadata()?.len() } else { 0 };
        }
    }
    Ok(bytes)
}

/// Runs the program with the image's files as its whole world, as the image's user.
fn inside(files: &Path, program: &str, word: &str, variables: &[(&str, &str)]) -> Result<Output> {
    let mut command = if is_root()? { Command::new("env") } else { Command::new("sudo") };
    if !is_root()? {
        command.args(["-n", "env"]);
    }
    // With these variables and no others.
    command.arg("-i").args(variables.iter().map(|(name, value)| format!("{name}={value}")));
    let chroot = tools::program("chroot").context("chroot is not on this machine")?;
    command.arg(chroot).arg(format!("--userspec={USER}")).arg(files).args([program, word]);
    command.output().context("the program could not be run in its image; that needs root")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The health check against a port where a surface is well, and against one where nobody is.
fn answers_and_does_not(files: &Path, program: &str) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port().to_string();
    let surface = thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut request = [0; 1024];
        let _ = stream.read(&mut request)?;
        let body = r#"{"data":{"health":"ok"}}"#;
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes())
    });
    let well = inside(files, program, "healthcheck", &[("PROJECT_PORT", &port)])?;
    ensure!(well.status.code() == Some(0), "its health check does not find a surface that is well");
    surface.join().ok().context("the surface's stand-in failed")??;
    // The listener is gone with its thread, and so the port is dead.
    let dead = inside(files, program, "healthcheck", &[("PROJECT_PORT", &port)])?;
    ensure!(dead.status.code() == Some(1), "its health check is content with a dead port");
    Ok(())
}
