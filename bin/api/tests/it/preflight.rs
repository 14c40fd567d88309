//! `preflight` of each program, where it runs: with the variables of its task definition, on `PostgreSQL`
//! and Redis as in production. Each row finds the fault that is planted for it.

use std::process::Output;

use testkit::{Authority, SmtpServer};

use crate::{
    definitions::{Place, Variables, run},
    process::Process,
    secure::{DATABASE, OWNER, PASSWORD, trust},
    service::free_port,
    wait::until,
};

/// What an environment adds to a definition, so that nothing fails any more but the strength of keys
/// that were made for tests.
const ADDED: [(&str, &str); 3] = [
    ("TRUSTED_PROXIES", "1"),
    ("DATA_KEY", "aXRzLWEtdGVzdC1rZXktb2YtMzItYnl0ZXMtbG9uZyE="),
    ("AUDIT_SIGNING_KEY", ""),
];
const UNREAD: &str = "the settings are complete and sound";
const KEYS: &str = "its keys are a pair, RSA of 4096 bits";

struct Scene {
    place: Place,
    seal: String,
}

impl Scene {
    async fn new() -> Self {
        let place = Place::new().await;
        let migrated = run("migrator", &[], &place.variables("migrator", 0)).await;
        assert!(migrated.status.success(), "{migrated:?}");
        let seal = application::proofs::SealingKey::generate().expect("a key");
        Self { place, seal }
    }

    /// What a program is told in production.
    fn whole(&self, name: &str) -> Variables {
        let mut variables = self.place.variables(name, free_port());
        if name != "migrator" {
            for (name, value) in ADDED {
                let value = if value.is_empty() { &self.seal } else { value };
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        variables
    }
}

fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

/// The names of the rows that failed.
fn failed(output: &Output) -> Vec<String> {
    let said = said(output);
    let names = said.lines().filter_map(|line| line.strip_prefix("FAIL  "));
    let names: Vec<String> = names
        .map(|line| line.split_once(": ").expect("a reason").0.to_owned())
        .filter(|name| name != KEYS)
        .collect();
    let cures = said.lines().filter(|line| line.starts_with("      cure: ")).count();
    assert!(cures >= names.len(), "each has its cure: {said}");
    names
}

#[tokio::test]
async fn each_program_looks_at_itself_and_finds_nothing_wrong() {
    let scene = Scene::new().await;
    for name in ["api", "portal-api", "worker", "migrator"] {
        let output = run(name, &["preflight"], &scene.whole(name)).await;
        let said = said(&output);
        assert_eq!(failed(&output), [""; 0], "{name}: {said}");
        for row in [
            "the settings are complete and sound",
            "every process runs as in production",
            "it holds no keys that are another process's",
            "the database answers",
            "its connection is encrypted and its certificate verified",
            "the login is no superuser",
            "the schema is that of this release",
            "the roles are there, and the login may take theirs",
            "no service can change events",
        ] {
            assert!(said.contains(&format!("pass  {row}\n")), "{name}: {row}: {said}");
        }
        let redis = if name == "migrator" {
            "-     Redis answers, over TLS: not"
        } else {
            "pass  Redis answers, over TLS\n"
        };
        assert!(said.contains(redis), "{name}: {said}");
        assert!(
            said.contains(
                "-     the mail server takes this process: not checkable here; SMTP_HOST is not set"
            )
        );
        let weak = said.contains(&format!("FAIL  {KEYS}"));
        assert_eq!(output.status.code(), Some(i32::from(weak)), "{name}: {said}");
        let strict = run(name, &["preflight", "--strict"], &scene.whole(name)).await;
        assert_eq!(strict.status.code(), Some(1), "{name}: what cannot be told counts");
    }
}

/// A variable, its value (none: it is taken away), and the rows that must find it.
type Fault<'a> = (&'a str, Option<&'a str>, &'a [&'a str]);

#[tokio::test]
async fn each_fault_of_settings_is_found_by_its_row() {
    let scene = Scene::new().await;
    let away = free_port().to_string();
    let stranger = trust(&[&Authority::new("a stranger")]);
    let faults: &[Fault<'_>] = &[
        ("PROJECT_DB_HOST", None, &[UNREAD]),
        ("TWOFA_BYPASS_PASSWORD", Some("x"), &[UNREAD, "TWOFA_BYPASS_PASSWORD is unset"]),
        ("TRUSTED_PROXIES", Some("0"), &["clients are told apart behind the load balancer"]),
        ("DATA_KEY", None, &["keys of personal data are wrapped"]),
        ("AUDIT_SIGNING_KEY", None, &["events are sealed with a key"]),
        ("ADMIN_JWT_PUBLIC_KEY", Some("x"), &["it holds no keys that are another process's"]),
        ("PROJECT_DB_PORT", Some(&away), &["the database answers"]),
        ("PROJECT_DB_PASSWORD", Some("another"), &["the database answers"]),
        ("DB_CA_FILE", Some(&stranger), &["the database answers"]),
        ("REDIS_PUBSUB_PORT", Some(&away), &["Redis answers, over TLS"]),
        ("REDIS_BULL_PORT", Some(&away), &["Redis answers, over TLS"]),
        ("SSL_CERT_FILE", Some(&stranger), &["Redis answers, over TLS"]),
    ];
    for (name, value, rows) in faults {
        let mut variables = scene.whole("api");
        match value {
            Some(value) => variables.insert((*name).to_owned(), (*value).to_owned()),
            None => variables.remove(*name),
        };
        let output = run("api", &["preflight"], &variables).await;
        assert_eq!(failed(&output), *rows, "{name}: {}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{name}");
    }
    // Where nothing is encrypted the servers of this place do not answer at all.
    let mut plain = scene.whole("api");
    plain.insert("NODE_ENV".to_owned(), "development".to_owned());
    let output = run("api", &["preflight"], &plain).await;
    let rows = ["every process runs as in production", "the database answers", "Redis answers, over TLS"];
    assert_eq!(failed(&output), rows, "{}", said(&output));
    let mut keys = scene.whole("worker");
    keys.insert("JWT_PRIVATE_KEY".to_owned(), "x".to_owned());
    let output = run("worker", &["preflight"], &keys).await;
    assert_eq!(failed(&output), ["it holds no keys that are another process's"]);
    let mut mixed = scene.whole("api");
    mixed.insert("JWT_PUBLIC_KEY".to_owned(), scene.whole("portal-api")["JWT_PUBLIC_KEY"].clone());
    let output = run("api", &["preflight"], &mixed).await;
    assert!(said(&output).contains(&format!("FAIL  {KEYS}: the public key is that of another one")));
}

#[tokio::test]
async fn each_fault_of_the_database_is_found_by_its_row() {
    let scene = Scene::new().await;
    let sql = |sql: &str| scene.place.postgres.sql(DATABASE, sql);
    let service = "enterprise_todo_service";
    for (plant, mend, row) in [
        (
            format!("GRANT UPDATE ON events TO {service}"),
            format!("REVOKE UPDATE ON events FROM {service}"),
            "no service can change events",
        ),
        (
            format!("GRANT TRUNCATE ON events TO {service}"),
            format!("REVOKE TRUNCATE ON events FROM {service}"),
            "no service can change events",
        ),
        (
            format!("REVOKE enterprise_todo_reader FROM {service}"),
            format!("GRANT enterprise_todo_reader TO {service}"),
            "the roles are there, and the login may take theirs",
        ),
        (
            format!("ALTER ROLE {OWNER} SUPERUSER"),
            format!("ALTER ROLE {OWNER} NOSUPERUSER"),
            "the login is no superuser",
        ),
    ] {
        sql(&plant);
        for name in ["api", "migrator"] {
            let output = run(name, &["preflight"], &scene.whole(name)).await;
            assert_eq!(failed(&output), [row], "{name} after {plant}: {}", said(&output));
        }
        sql(&mend);
    }
    let reverted = run("migrator", &["revert"], &scene.whole("migrator")).await;
    assert!(reverted.status.success(), "{reverted:?}");
    let output = run("worker", &["preflight"], &scene.whole("worker")).await;
    assert_eq!(failed(&output), ["the schema is that of this release"], "{}", said(&output));
}

#[tokio::test]
async fn the_mail_server_and_running_surfaces_are_asked_too() {
    let scene = Scene::new().await;
    let server = SmtpServer::guarded(testkit::Guard::StartTls).await;
    let mut variables = scene.whole("api");
    for (name, value) in [
        ("SMTP_HOST", "localhost".to_owned()),
        ("SMTP_PORT", server.port().to_string()),
        ("SMTP_FROM", "no-reply@todo.test".to_owned()),
        ("SMTP_CA_FILE", server.authority().display().to_string()),
        ("WEB_URL", "https://web.test".to_owned()),
    ] {
        variables.insert(name.to_owned(), value);
    }
    let mail = "the mail server takes this process";
    let output = run("api", &["preflight"], &variables).await;
    assert!(said(&output).contains(&format!("pass  {mail}\n")), "{}", said(&output));
    let mut stranger = variables.clone();
    stranger.remove("SMTP_CA_FILE");
    assert_eq!(failed(&run("api", &["preflight"], &stranger).await), [mail], "nobody vouches for it");
    let mut away = variables.clone();
    away.insert("SMTP_PORT".to_owned(), free_port().to_string());
    assert_eq!(failed(&run("api", &["preflight"], &away).await), [mail]);

    let port = variables["PROJECT_PORT"].clone();
    let api = Process::start(crate::definitions::command("api", &[], &variables));
    let url = format!("http://127.0.0.1:{port}");
    until("a good health check", async || run("api", &["healthcheck"], &variables).await.status.success())
        .await;
    let output = run("api", &["preflight", "--url", &url], &variables).await;
    // Nobody ends TLS in front of it here, and that is seen.
    assert_eq!(
        failed(&output),
        ["the running system redirects HTTP and has a good certificate"],
        "{}",
        said(&output)
    );
    for row in ["the surfaces are well", "health is not rate-limited", "strict headers are on every answer"] {
        assert!(said(&output).contains(&format!("pass  {row}\n")), "{row}");
    }
    drop(api);
    let output = run("api", &["preflight", "--url", &url], &variables).await;
    assert!(failed(&output).contains(&"the surfaces are well".to_owned()));
    let refused = run("api", &["preflight", "--url", "nowhere"], &variables).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--url wants https://host"));
}
