//! A stand-in for the `aws` and `docker` programs: it answers as it was told, call by call, and
//! writes down what it was asked.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::tools::{self, root};

pub(crate) const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Answers with the file of the call's name and number, or the last there is. A file that begins
/// with `!` is a refusal. A call nobody thought of fails.
const PROGRAM: &str = r#"#!/usr/bin/env bash
set -u
here=${0%/*}
program=${0##*/}
jq -cn '$ARGS.positional' --args -- "$program" "$@" >>"$here/calls"
[[ $program == docker ]] && { cat >/dev/null; exit 0; }
key=$1_$2
count=$(($(cat "$here/$key.count" 2>/dev/null || echo 0) + 1))
echo "$count" >"$here/$key.count"
while ((count > 0)) && [[ ! -f $here/$key.$count ]]; do count=$((count - 1)); done
((count > 0)) || { echo "nobody expected: $*" >&2; exit 254; }
answer=$(cat "$here/$key.$count")
[[ $answer == '!'* ]] && { echo "${answer#!}" >&2; exit 255; }
printf '%s\n' "$answer"
"#;

/// The stand-in of one test.
pub(crate) struct Stub {
    folder: PathBuf,
    pub(crate) deployment: Value,
    variables: Vec<(&'static str, String)>,
}

impl Stub {
    /// One that answers nothing yet.
    pub(crate) fn new(name: &str) -> Self {
        assert!(tools::found("jq").is_some(), "the scripts need jq");
        let folder = tools::folder(name);
        for program in ["aws", "docker"] {
            let path = folder.join(program);
            fs::write(&path, PROGRAM).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder, deployment: deployment(), variables: Vec::new() }
    }

    /// What AWS says to the calls of this kind, in order; the last is said again and again.
    pub(crate) fn answers(self, call: &str, answers: &[Value]) -> Self {
        for (index, answer) in answers.iter().enumerate() {
            let file = format!("{}.{}", call.replace(' ', "_"), index + 1);
            let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            fs::write(self.folder.join(file), text).unwrap();
        }
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs a script of `ops/scripts`.
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> Output {
        self.with_stand_ins(Command::new(root().join("ops/scripts").join(script)).args(arguments))
    }

    /// Types lines into a shell that stands in a folder.
    pub(crate) fn types(&self, folder: &Path, lines: &str) -> Output {
        let mut shell = Command::new("bash");
        self.with_stand_ins(shell.args(["-euo", "pipefail", "-c", lines]).current_dir(folder))
    }

    fn with_stand_ins(&self, command: &mut Command) -> Output {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![self.folder.clone()];
        folders.extend(std::env::split_paths(&path));
        command
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("DEPLOYMENT", self.deployment.to_string())
            .env("SHA", SHA)
            .env("POLL_SECONDS", "0")
            .env("GITHUB_OUTPUT", self.folder.join("output"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap()
    }

    /// Another program that stands in for one of `PATH`.
    pub(crate) fn program(self, name: &str, text: &str) -> Self {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// What it was asked, word by word.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        let calls = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        calls.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The first two words of each call, after the program's name.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.calls().iter().map(|call| call[1..3].join(" ")).collect()
    }

    /// The task definitions that were registered.
    pub(crate) fn registered(&self) -> Vec<Value> {
        let calls = self.calls();
        let registrations = calls.iter().filter(|call| call[2] == "register-task-definition");
        registrations.map(|call| serde_json::from_str(&after(call, "--cli-input-json")).unwrap()).collect()
    }

    /// What a script left for the steps after it.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.folder.join("output")).unwrap_or_default()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The word after an option.
pub(crate) fn after(call: &[String], option: &str) -> String {
    let at = call.iter().position(|word| word == option).unwrap_or_else(|| panic!("no {option} in {call:?}"));
    call[at + 1].clone()
}

/// What `terraform output -json deployment` gives.
pub(crate) fn deployment() -> Value {
    let secret = |name: &str| format!("arn:aws:secretsmanager:ap-southeast-1:1:secret:prod/{name}");
    json!({
        "ENVIRONMENT": "production", "SUFFIX": "", "CLUSTER": "enterprise-todo-prod",
        "AWS_REGION": "ap-southeast-1", "REGISTRY": "1.dkr.ecr.ap-southeast-1.amazonaws.com",
        "EXECUTION_ROLE_ARN": "arn:aws:iam::1:role/execution", "TASK_ROLE_ARN": "arn:aws:iam::1:role/task",
        "SUBNET_IDS": "subnet-1,subnet-2", "SECURITY_GROUP_ID": "sg-1", "WORKER": "false",
        "DB_HOST": "db.internal", "REDIS_HOST": "redis.internal",
        "S3_BUCKET": "media", "CDN_BASE_URL": "https://media.todo.example", "TRACE_COLLECTOR": "",
        "SECRET_JWT_PRIVATE_KEY": secret("JWT_PRIVATE_KEY"), "SECRET_JWT_PUBLIC_KEY": secret("JWT_PUBLIC_KEY"),
        "SECRET_PORTAL_JWT_PRIVATE_KEY": secret("PORTAL_JWT_PRIVATE_KEY"),
        "SECRET_PORTAL_JWT_PUBLIC_KEY": secret("PORTAL_JWT_PUBLIC_KEY"),
        "SECRET_DB_PASSWORD": secret("DB_PASSWORD"), "SECRET_DATA_KEY": secret("DATA_KEY"), "SECRET_AUDIT_SIGNING_KEY": secret("AUDIT_SIGNING_KEY"),
    })
}

/// What ECS says to a registration.
pub(crate) fn definition(name: &str, revision: u32) -> Value {
    json!({"taskDefinition": {"taskDefinitionArn": arn(name, revision)}})
}

/// A revision's name.
pub(crate) fn arn(name: &str, revision: u32) -> String {
    format!("arn:aws:ecs:ap-southeast-1:1:task-definition/enterprise-todo-{name}:{revision}")
}
