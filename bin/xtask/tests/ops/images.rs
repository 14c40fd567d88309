//! `build.sh` and what the Dockerfile promises.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    stub::{DIGEST, SHA, Stub, after},
    tools::{self, found, root, said, succeeds, text},
};

fn there() -> Value {
    json!({"images": [{"imageId": {"imageDigest": DIGEST}}]})
}

fn absent() -> Value {
    json!({"images": [], "failures": [{"failureCode": "ImageNotFound"}]})
}

fn registry(name: &str, answers: &[Value]) -> Stub {
    Stub::new(name)
        .answers("ecr get-login-password", &[json!("password")])
        .answers("ecr batch-get-image", answers)
}

fn builds(stub: &Stub) -> Vec<Vec<String>> {
    stub.calls().into_iter().filter(|call| call[0] == "docker" && call[2] == "build").collect()
}

#[test]
fn images_are_built_and_pushed_under_the_commit_once() {
    // The migrator is there already, the others are found after they were pushed.
    let stub = registry("built", &[there(), absent(), there(), absent(), there()]);
    let output = stub.run("build.sh", &[]);
    assert!(output.status.success(), "{}", said(&output));
    let builds = builds(&stub);
    let targets: Vec<String> = builds.iter().map(|call| after(call, "--target")).collect();
    assert_eq!(targets, ["api", "portal-api"]);
    for (call, name) in builds.iter().zip(["api", "portal-api"]) {
        let tag = format!("1.dkr.ecr.ap-southeast-1.amazonaws.com/enterprise-todo/{name}:{SHA}");
        assert_eq!(after(call, "--tag"), tag);
        assert_eq!(call.iter().filter(|word| *word == "--tag").count(), 1, "no tag that moves");
        assert!(call.contains(&"--provenance=mode=max".to_owned()), "{call:?}");
    }
    let expected = format!("migrator={DIGEST}\napi={DIGEST}\nportal-api={DIGEST}\n");
    assert_eq!(stub.output(), expected);
}

#[test]
fn a_worker_is_built_where_there_is_one() {
    let mut stub = registry("worker", &[there()]);
    stub.deployment["WORKER"] = json!("true");
    assert!(stub.run("build.sh", &[]).status.success());
    assert!(stub.output().contains(&format!("worker={DIGEST}")), "{}", stub.output());
}

#[test]
fn an_image_that_did_not_arrive_stops_the_delivery() {
    let stub = registry("lost", &[absent()]);
    let output = stub.run("build.sh", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(stub.output(), "");
}

/// A line of the Dockerfile between `FROM … AS name` and the next `FROM`.
fn stage(name: &str) -> Vec<String> {
    let file = text("ops/Dockerfile");
    let stages = file
        .split("\nFROM ")
        .filter(|stage| stage.lines().next().is_some_and(|first| first.ends_with(&format!(" AS {name}"))));
    let stages: Vec<&str> = stages.collect();
    assert_eq!(stages.len(), 1, "one stage called {name}");
    stages[0].replace("\\\n", " ").lines().map(str::to_owned).collect()
}

#[test]
fn each_image_runs_as_nobody_without_a_shell_and_checks_itself() {
    let runtime = stage("runtime").join("\n");
    assert!(runtime.contains("USER 65532:65532"), "{runtime}");
    assert!(!runtime.contains("RUN "), "there is nothing in it that could run: {runtime}");
    for name in ["api", "portal-api", "migrator", "worker"] {
        let lines = stage(name);
        assert!(lines[0].starts_with("runtime "), "{}", lines[0]);
        assert!(lines.contains(&format!("ENTRYPOINT [\"/usr/local/bin/{name}\"]")), "{lines:?}");
        let check = lines.iter().find(|line| line.starts_with("HEALTHCHECK"));
        if ["api", "portal-api"].contains(&name) {
            let check = check.unwrap();
            for part in ["--interval=30s", "--timeout=5s", "--start-period=60s", "--retries=3"] {
                assert!(check.contains(part), "{check}");
            }
            assert!(check.ends_with(&format!("CMD [\"/usr/local/bin/{name}\", \"healthcheck\"]")), "{check}");
        } else {
            assert_eq!(check, None, "{name} has no surface");
        }
    }
}

/// Time enough to put in their successors.
const MONTH_SECONDS: &str = "2592000";

#[test]
fn every_authority_for_the_database_is_a_certificate_that_is_still_good() {
    let bundle = text("ops/certs/rds-global-bundle.crt");
    assert!(bundle.contains("# Amazon RDS ap-southeast-1 Root CA RSA2048 G1"), "the region's own");
    let Some(openssl) = found("openssl") else { return };
    let certificates: Vec<&str> = bundle.split_inclusive("-----END CERTIFICATE-----\n").collect();
    assert!(certificates.len() > 80, "{}", certificates.len());
    for certificate in certificates {
        let mut command = Command::new(&openssl);
        command
            .args(["x509", "-noout", "-checkend", MONTH_SECONDS])
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(certificate.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "it is none, or ends within a month: {certificate}");
    }
}

/// What the Dockerfile does to get from the sources to the manifests, done here: cargo must find every
/// crate of the workspace in what is left.
#[test]
fn the_layer_of_libraries_has_every_crate_of_the_workspace_and_no_line_of_code() {
    let lines = stage("manifests");
    let command = lines.iter().find_map(|line| line.strip_prefix("RUN ")).expect("it runs something");
    let folder = tools::folder("manifests");
    let manifests = folder.join("manifests");
    let command = command.replace("/manifests", &manifests.display().to_string());
    // As .dockerignore does, for what would take long to walk through.
    let command = command.replace("find .", "find . -path ./target -prune -o");
    succeeds(Command::new("sh").current_dir(root()).args(["-ec", &command]));
    let listed = succeeds(Command::new("git").current_dir(root()).args(["ls-files", "*/Cargo.toml"]));
    let crates: Vec<&str> = listed.lines().collect();
    assert!(crates.len() > 10, "{crates:?}");
    for manifest in crates.iter().chain(&["Cargo.toml", "Cargo.lock", ".cargo/config.toml"]) {
        assert!(manifests.join(manifest).is_file(), "{manifest} is missing");
    }
    let code = succeeds(Command::new("find").arg(&manifests).args(["-name", "*.rs"]));
    assert_eq!(code, "");
    std::fs::remove_dir_all(&folder).unwrap();
}
