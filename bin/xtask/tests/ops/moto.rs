//! A smoke test against moto, which speaks the real command line's protocol: are the options spelled
//! as AWS spells them. It runs nothing and always reports exit code 0; what the scripts make of other
//! answers is tested with the stand-in.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    stub::{DIGEST, SHA, deployment},
    tools::{found, is_whole_run, root, said, skipped, succeeds},
};

const START_LIMIT: Duration = Duration::from_mins(1);

/// A running moto; gone with the test.
struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    fn start() -> Option<Self> {
        let python = found("python3")?;
        let has_moto = Command::new(&python).args(["-c", "import moto.server"]).output();
        if !has_moto.is_ok_and(|output| output.status.success()) {
            skipped("moto is not installed for python3; type: pip install 'moto[server]'");
            return None;
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-p", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let moto = Self { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < START_LIMIT, "moto did not start");
            thread::sleep(Duration::from_millis(100));
        }
        Some(moto)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("AWS_ENDPOINT_URL", &self.url).env("AWS_DEFAULT_REGION", "ap-southeast-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("SHA", SHA).env("POLL_SECONDS", "0");
        command
    }

    fn aws(&self, words: &str) -> Value {
        let said = succeeds(self.command("aws").args(words.split_whitespace()).args(["--output", "json"]));
        serde_json::from_str(&said).unwrap_or_default()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_scripts_speak_as_aws_does() {
    if found("aws").is_none() || found("jq").is_none() || !is_whole_run() {
        return;
    }
    let Some(moto) = Moto::start() else { return };
    moto.aws("ecs create-cluster --cluster-name enterprise-todo-prod");
    let subnet = moto.aws("ec2 describe-subnets")["Subnets"][0]["SubnetId"].clone();
    let group = moto.aws("ec2 describe-security-groups")["SecurityGroups"][0]["GroupId"].clone();
    let mut deployment = deployment();
    deployment["SUBNET_IDS"] = subnet;
    deployment["SECURITY_GROUP_ID"] = group;
    let script = |name: &str, words: &[&str]| {
        let mut command = moto.command(root().join("ops/scripts").join(name));
        command.args(words).env("DEPLOYMENT", deployment.to_string());
        command
    };

    let migrated = succeeds(&mut script("migrate.sh", &[DIGEST]));
    assert!(migrated.starts_with("Migrator task ARN: arn:aws:ecs:"), "{migrated}");
    assert!(
        migrated.ends_with("Migrator exit code: 0\nMigration succeeded — proceeding with deployment\n"),
        "{migrated}"
    );

    let rendered = succeeds(&mut script("render.sh", &["api", DIGEST]));
    let first = succeeds(moto.command("aws").args([
        "ecs",
        "register-task-definition",
        "--cli-input-json",
        &rendered,
    ]));
    assert!(first.contains("enterprise-todo-api:1"), "{first}");
    moto.aws(
        "ecs create-service --cluster enterprise-todo-prod --service-name enterprise-todo-api \
         --task-definition enterprise-todo-api:1 --desired-count 1",
    );
    // Its deployments never move on, so the wait ends without stability; the service has changed.
    let deployed = script("deploy.sh", &["api", DIGEST]).env("WAIT_SECONDS", "0").output().unwrap();
    assert_eq!(deployed.status.code(), Some(1));
    assert!(said(&deployed).contains("no stability within 0 s"), "{}", said(&deployed));
    let service =
        moto.aws("ecs describe-services --cluster enterprise-todo-prod --services enterprise-todo-api");
    let current = service["services"][0]["taskDefinition"].as_str().unwrap();
    assert!(current.ends_with("task-definition/enterprise-todo-api:2"), "{current}");
    let definition = moto.aws("ecs describe-task-definition --task-definition enterprise-todo-api:2");
    let container = &definition["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(container["dockerLabels"]["org.opencontainers.image.revision"], json!(SHA));
}
