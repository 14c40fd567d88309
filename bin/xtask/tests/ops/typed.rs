//! What documents say about a delivery, typed as it is written there, with a stand-in for AWS.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    pages::{Block, blocks},
    stub::{DIGEST, Stub, arn, definition},
    tools::{self, is_whole_run, root, said},
};

/// `cargo xtask`, built as this test is. A list that has rows which fail is an answer: there is no
/// running environment here.
const CARGO: &str = r#"#!/usr/bin/env bash
[[ $1 == xtask && $2 == preflight ]] || { echo "not here: cargo $*" >&2; exit 1; }
said=$("$XTASK" "${@:2}"); code=$?
echo "$said"
[[ $code == 1 && $said == *" not checkable here" ]] && exit 0
exit "$code"
"#;
/// Nobody is asked over the network.
const CURL: &str = "#!/usr/bin/env bash\necho 'curl: (6) could not resolve host' >&2\nexit 6\n";

fn service(name: &str, current: u32) -> Value {
    json!({"services": [{"status": "ACTIVE", "taskDefinition": arn(name, current), "deployments": [{
        "taskDefinition": arn(name, current), "status": "PRIMARY", "rolloutState": "COMPLETED",
        "desiredCount": 1, "runningCount": 1,
    }]}]})
}

fn revision(image: &str) -> Value {
    json!({"taskDefinition": {"status": "ACTIVE", "containerDefinitions": [
        {"image": image, "dockerLabels": {"org.opencontainers.image.revision": "commit"}},
    ]}})
}

/// AWS on a day on which everything works, for commands about one service.
fn aws(name: &str, command: &str) -> Stub {
    let words: Vec<&str> = command.split_whitespace().collect();
    let about =
        if words[0].ends_with("migrate.sh") { "migrator" } else { words.get(1).copied().unwrap_or("api") };
    let ended =
        json!({"tasks": [{"lastStatus": "STOPPED", "containers": [{"name": "migrator", "exitCode": 0}]}]});
    // A roll-back begins on the newest revision and ends on the one that it finds, or was told.
    let is_back = words[0].ends_with("rollback.sh");
    let target = words.get(2).and_then(|word| word.parse().ok()).unwrap_or(if is_back { 41 } else { 42 });
    let services =
        if is_back { vec![service(about, 42), service(about, target)] } else { vec![service(about, 42)] };
    Stub::new(name)
        .program("cargo", CARGO)
        .program("curl", CURL)
        .with("XTASK", env!("CARGO_BIN_EXE_xtask"))
        .answers("ecs register-task-definition", &[definition(about, 42)])
        .answers("ecs update-service", &[json!({"service": {}})])
        .answers("ecs describe-services", &services)
        .answers("ecs describe-task-definition", &[revision("new"), revision("old")])
        .answers(
            "ecs run-task",
            &[json!({"tasks": [{"taskArn": "arn:aws:ecs:ap-southeast-1:1:task/it"}], "failures": []})],
        )
        .answers("ecs describe-tasks", &[ended])
        .answers("ecr get-login-password", &[json!("password")])
        .answers("ecr batch-get-image", &[json!({"images": [{"imageId": {"imageDigest": DIGEST}}]})])
        .answers("secretsmanager put-secret-value", &[json!({})])
        .answers("secretsmanager describe-secret", &[json!({"VersionIdsToStages": {}})])
}

/// A checkout as far as the commands need it, with keys in it.
fn desk(name: &str) -> PathBuf {
    let folder = tools::folder(name);
    symlink(root().join("ops"), folder.join("ops")).unwrap();
    fs::create_dir(folder.join("keys")).unwrap();
    for surface in ["user", "portal"] {
        for environment in ["dev", "staging", "prod"] {
            for side in ["private", "public"] {
                let file = folder.join("keys").join(format!("{surface}_{side}_{environment}.pem"));
                fs::write(file, "PEM").unwrap();
            }
        }
    }
    fs::copy(root().join("bin/xtask/src/preflight/fixtures/production.json"), folder.join("state.json"))
        .unwrap();
    folder
}

fn delivering() -> Vec<Block> {
    let all = blocks(root()).into_iter();
    all.filter(|block| !block.is_marked && block.delivers()).collect()
}

#[test]
fn every_command_of_a_delivery_can_be_typed() {
    if !is_whole_run() {
        return;
    }
    let blocks = delivering();
    assert!(blocks.len() >= 9, "{}", blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        let folder = desk(&format!("typed-{number}"));
        for (line, command) in block.commands().iter().enumerate() {
            let stub = aws(&format!("typed-aws-{number}-{line}"), command);
            let output = stub.types(&folder, &command.replace("sha256:…", DIGEST));
            let said = said(&output);
            assert!(output.status.success(), "{}: {command}: {}\n{said}", block.place(), output.status);
            let is_list = command.starts_with("cargo")
                || command.contains("render.sh")
                || command.contains("keys.sh make");
            assert!(is_list || !stub.calls().is_empty(), "{}: {command} asked nobody", block.place());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_command_that_is_not_there_is_found() {
    let folder = desk("typed-wrong");
    for command in [
        "ops/scripts/deploi.sh api sha256:…",
        "cargo xtask preflight --enw production",
        "ops/scripts/deploy.sh",
    ] {
        let stub = aws("typed-wrong-aws", command);
        let output = stub.types(&folder, &command.replace("sha256:…", DIGEST));
        assert!(!output.status.success(), "{command}: {}", said(&output));
    }
    fs::remove_dir_all(&folder).unwrap();
}
