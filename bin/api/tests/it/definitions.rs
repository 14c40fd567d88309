//! Each program starts with exactly the variables of its task definition, on `PostgreSQL` and Redis that
//! take nothing but TLS; what the image sets is set as well, and nothing else.

use std::{collections::BTreeMap, fs, path::Path, process::Command, process::Output};

use serde_json::Value;
use testkit::Authority;

use crate::{
    environment::{key, program},
    process::{self, Process},
    secure::{DATABASE, OWNER, PASSWORD, SecurePostgres, SecureRedis, trust},
    service::free_port,
    wait::until,
};

pub(crate) type Variables = BTreeMap<String, String>;

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands in the Dockerfile's `ENV` lines of the stage all images are made of.
fn of_the_image() -> Variables {
    let text = file("ops/Dockerfile");
    let stage = text.split("\nFROM ").find(|stage| stage.lines().next().unwrap().ends_with(" AS runtime"));
    let lines = stage.expect("a stage called runtime").lines().filter_map(|line| line.strip_prefix("ENV "));
    let pairs = lines.map(|line| line.split_once('=').expect("ENV NAME=value"));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The world that the definitions are filled from.
pub(crate) struct Place {
    pub(crate) postgres: SecurePostgres,
    pub(crate) redis: SecureRedis,
    /// Signs the database's certificate, as RDS's own authorities do.
    private: String,
    /// Signs that of Redis, as public ones do.
    system: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let (private, public) = (Authority::new("of the database"), Authority::new("of everybody"));
        let (postgres, redis) = (SecurePostgres::start(&private).await, SecureRedis::start(&public).await);
        Self { postgres, redis, private: trust(&[&private]), system: trust(&[&public]) }
    }

    /// The variables of a definition and of the image, with values of this place; a name that nobody
    /// thought of has no value, and fails here.
    pub(crate) fn variables(&self, name: &str, port: u16) -> Variables {
        let definition: Value =
            serde_json::from_str(&file(&format!("ops/task-definitions/{name}.json"))).unwrap();
        let container = &definition["containerDefinitions"][0];
        let surface = if name == "portal-api" { "portal" } else { "user" };
        let local = |variable: &str, value: &str| match variable {
            "PROJECT_PORT" => port.to_string(),
            "PROJECT_DB_HOST" | "REDIS_BULL_HOST" | "REDIS_PUBSUB_HOST" => "localhost".to_owned(),
            "PROJECT_DB_PORT" => self.postgres.port.to_string(),
            "REDIS_BULL_PORT" | "REDIS_PUBSUB_PORT" => self.redis.port.to_string(),
            "PROJECT_DB_PASSWORD" => PASSWORD.to_owned(),
            "JWT_PRIVATE_KEY" => key(&format!("{surface}_private_dev.pem")),
            "JWT_PUBLIC_KEY" => key(&format!("{surface}_public_dev.pem")),
            "DB_CA_FILE" => self.private.clone(),
            "SSL_CERT_FILE" => self.system.clone(),
            _ => {
                assert!(!value.contains("${") && !value.is_empty(), "{variable} has no value here");
                value.to_owned()
            }
        };
        let mut variables = of_the_image();
        for (list, part) in [("environment", "value"), ("secrets", "valueFrom")] {
            for entry in container[list].as_array().unwrap() {
                let text = |part: &str| entry[part].as_str().unwrap().to_owned();
                variables.insert(text("name"), text(part));
            }
        }
        assert_eq!(variables["PROJECT_DB_USER"], OWNER);
        assert_eq!(variables["PROJECT_DB_NAME"], DATABASE);
        variables.into_iter().map(|(name, value)| (name.clone(), local(&name, &value))).collect()
    }
}

/// The program with these and no others; not even a `PATH`.
pub(crate) fn command(name: &str, arguments: &[&str], variables: &Variables) -> Command {
    let mut command = Command::new(program(name));
    command.args(arguments).env_clear().envs(variables);
    command
}

pub(crate) async fn run(name: &str, arguments: &[&str], variables: &Variables) -> Output {
    process::run(command(name, arguments, variables)).await
}

/// What the go-live list asks of a running system, of these two.
async fn is_fit_to_go_live(api: u16, portal: u16) {
    let (api, portal) = (format!("http://127.0.0.1:{api}"), format!("http://127.0.0.1:{portal}"));
    let arguments = ["preflight", "--url", &api, "--portal-url", &portal];
    let output = process::run(process::command("xtask", &arguments, &[])).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for row in [
        "the surfaces are well",
        "health is not rate-limited",
        "playground, introspection and pages are off",
        "strict headers are on every answer",
    ] {
        assert!(said.contains(&format!("pass  {row}\n")), "{said}");
    }
    // Nobody ends TLS in front of them here, and that is seen.
    assert!(said.contains("FAIL  the running system redirects HTTP and has a good certificate"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
}

#[tokio::test]
async fn each_program_starts_with_exactly_the_variables_of_its_task_definition() {
    let place = Place::new().await;
    let variables = place.variables("migrator", 0);
    let migrated = run("migrator", &[], &variables).await;
    let said = String::from_utf8_lossy(&migrated.stdout).into_owned();
    assert_eq!(migrated.status.code(), Some(0), "{migrated:?}");
    assert!(said.ends_with("Migrations complete.\n"), "{said}");
    let again = run("migrator", &[], &variables).await;
    assert!(
        String::from_utf8_lossy(&again.stdout).ends_with("No pending migrations — exiting.\n"),
        "{again:?}"
    );

    let mut running = Vec::new();
    let mut ports = Vec::new();
    for name in ["api", "portal-api"] {
        let port = free_port();
        ports.push(port);
        let variables = place.variables(name, port);
        running.push(Process::start(command(name, &[], &variables)));
        // The very command of the definition, with its variables.
        until("a good health check", async || run(name, &["healthcheck"], &variables).await.status.success())
            .await;
        let ready = crate::client::Client::new(port).get("/health/ready").await.unwrap();
        let checks = ready.json()["checks"].clone();
        assert_eq!(ready.status, 200, "{checks}");
        assert!(checks.as_array().unwrap().iter().all(|check| check["ok"] == true), "{name}: {checks}");
    }
    is_fit_to_go_live(ports[0], ports[1]).await;
    let worker = Process::start(command("worker", &[], &place.variables("worker", 0)));
    worker.says("application successfully started").await;
    running.push(worker);

    let (all, encrypted) = place.postgres.connections();
    assert!(all > 0 && all == encrypted, "{encrypted} of {all} connections are encrypted");
    for process in &running {
        let log = process.log();
        assert!(log.contains("DATA_KEY is not set") || !log.contains("API running"), "said once: {log}");
        assert!(!log.contains(PASSWORD), "{log}");
    }
}
