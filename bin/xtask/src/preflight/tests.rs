//! Each row finds the fault it is for. What is right is right everywhere: the files of this checkout,
//! and a state that Terraform wrote in its own tests.

use std::collections::BTreeMap;

use preflight::{Answer, Web};
use serde_json::{Value, json};

use super::{
    Finding,
    rows::all,
    subject::{Sources, Subject},
};
use crate::keys::{self, Strength};

const STATE: &str = include_str!("fixtures/production.json");
const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What may be wrong with a running system.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    LimitsHealth,
    ShowsPages,
    Introspects,
    HasNoCsp,
    TakesPlainText,
    IsNotReady,
}

/// How often a flawed one answers before it limits.
const HEALTH_LIMIT: u32 = 20;

/// A system that answers as production should, but for one flaw.
#[derive(Default)]
struct Running {
    flaw: Option<Flaw>,
    asked: std::cell::Cell<u32>,
}

impl Running {
    fn with(flaw: Flaw) -> Box<dyn Web> {
        Box::new(Self { flaw: Some(flaw), ..Self::default() })
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

impl Web for Running {
    fn ask(&self, url: &str, body: Option<&str>) -> Result<Answer, String> {
        let mut answer = Answer { status: 200, ..Answer::default() };
        let mut header = |name: &str, value: &str| answer.headers.insert(name.to_owned(), value.to_owned());
        header("strict-transport-security", "max-age=63072000");
        header("x-content-type-options", "nosniff");
        if !self.has(Flaw::HasNoCsp) {
            header("content-security-policy", CSP);
        }
        if url.starts_with("http://") {
            if self.has(Flaw::TakesPlainText) {
                return Ok(answer);
            }
            header("location", "https://there");
            return Ok(Answer { status: 301, ..answer });
        }
        let path = url.strip_prefix("https://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        match (path, body) {
            (Some("/graphql?query=%7Bhealth%7D"), _) => {
                self.asked.set(self.asked.get() + 1);
                if self.has(Flaw::LimitsHealth) && self.asked.get() > HEALTH_LIMIT {
                    return Ok(Answer { status: 429, ..answer });
                }
                r#"{"data":{"health":"ok"}}"#.clone_into(&mut answer.body);
            }
            (Some("/health/ready"), _) if self.has(Flaw::IsNotReady) => answer.status = 503,
            (Some("/health/ready" | "/health/live"), _) => {}
            (Some("/graphql"), Some(_)) if self.has(Flaw::Introspects) => {
                r#"{"data":{"__schema":{"queryType":{"name":"Query"}}}}"#.clone_into(&mut answer.body);
            }
            (Some("/graphql"), Some(_)) => answer.status = 400,
            (Some(_), None) => answer.status = if self.has(Flaw::ShowsPages) { 200 } else { 404 },
            (path, _) => return Err(format!("nobody expected {path:?}")),
        }
        Ok(answer)
    }
}

/// The twelve files; made once, because making keys takes time, and with the strength of tests.
fn keys() -> BTreeMap<String, String> {
    static MADE: std::sync::OnceLock<BTreeMap<String, String>> = std::sync::OnceLock::new();
    let made = MADE.get_or_init(|| {
        let folder = crate::workspace::state("preflight-keys");
        let mut made = BTreeMap::new();
        for surface in ["user", "portal"] {
            for place in ["dev", "staging", "prod"] {
                let names =
                    [format!("{surface}_private_{place}.pem"), format!("{surface}_public_{place}.pem")];
                keys::ensure(&folder, (&names[0], &names[1]), Strength::Development).unwrap();
                made.extend(names.map(|name| {
                    let text = std::fs::read_to_string(folder.join(&name)).unwrap();
                    (name, text)
                }));
            }
        }
        made
    });
    made.clone()
}

/// Everything that can be looked at, and all of it as it should be.
fn whole() -> Subject {
    let sources = Sources {
        environment: "production".to_owned(),
        plan: None,
        keys: None,
        url: Some("https://api.todo.example".to_owned()),
        portal_url: Some("https://portal.todo.example/".to_owned()),
    };
    let mut subject = Subject::read(&sources).unwrap();
    subject.plan = Some(serde_json::from_str(STATE).unwrap());
    subject.web = Box::new(Running::default());
    subject
}

fn finding(subject: &Subject, name: &str) -> Finding {
    let row = all().find(|row| row.name == name).unwrap_or_else(|| panic!("there is no row '{name}'"));
    (row.check)(subject)
}

/// The first resource of a type in the plan.
fn resource<'s>(subject: &'s mut Subject, kind: &str) -> &'s mut Value {
    fn find<'v>(module: &'v mut Value, kind: &str) -> Option<&'v mut Value> {
        let Value::Object(module) = module else { return None };
        for (name, list) in module {
            for item in list.as_array_mut().into_iter().flatten() {
                if name == "resources" && item["type"] == kind {
                    return Some(&mut item["values"]);
                }
                if name == "child_modules"
                    && let Some(found) = find(item, kind)
                {
                    return Some(found);
                }
            }
        }
        None
    }
    find(&mut subject.plan.as_mut().unwrap()["root_module"], kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// Sets one attribute of the first resource of a type.
fn set(subject: &mut Subject, kind: &str, pointer: &str, value: Value) {
    let values = resource(subject, kind);
    match values.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => values[pointer.trim_start_matches('/')] = value,
    }
}

/// Takes all resources of a type away.
fn without(subject: &mut Subject, kind: &str) {
    let text = subject.plan.take().unwrap().to_string();
    subject.plan = Some(serde_json::from_str(&text.replace(&format!("\"{kind}\""), "\"another\"")).unwrap());
}

fn add_plain(subject: &mut Subject, process: &str, name: &str, value: &str) {
    subject.extras.get_mut("production").unwrap()[process]["environment"][name] = json!(value);
}

fn edit(subject: &mut Subject, file: &str, from: &str, to: &str) {
    let text = subject.texts.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replace(from, to);
}

type Plant = (&'static str, fn(&mut Subject));

/// A row, and a fault that it must find.
const FAULTS: &[Plant] = &[
    ("each process has the variables it needs", |it| {
        let list =
            it.definitions.get_mut("api").unwrap()["containerDefinitions"][0]["environment"].as_array_mut();
        list.unwrap().retain(|entry| entry["name"] != "PROJECT_DB_HOST");
    }),
    ("secrets are not in the plain environment", |it| add_plain(it, "worker", "SMTP_PASS", "x")),
    ("secrets are not in the plain environment", |it| {
        add_plain(it, "api", "OTEL_EXPORTER_OTLP_HEADERS", "k=v");
    }),
    ("the portal's keys are absent from api, and the reverse", |it| {
        it.extras.get_mut("production").unwrap()["api"]["secrets"]["JWT_PRIVATE_KEY"] =
            json!("${SECRET_PORTAL_JWT_PRIVATE_KEY}");
    }),
    ("the portal's keys are absent from api, and the reverse", |it| {
        it.extras.get_mut("production").unwrap()["worker"]["secrets"]["JWT_PRIVATE_KEY"] =
            json!("${SECRET_JWT_PRIVATE_KEY}");
    }),
    ("every process runs as in production", |it| add_plain(it, "api", "NODE_ENV", "development")),
    ("TWOFA_BYPASS_PASSWORD is unset", |it| add_plain(it, "portal-api", "TWOFA_BYPASS_PASSWORD", "x")),
    ("clients are told apart behind the load balancer", |it| add_plain(it, "api", "TRUSTED_PROXIES", "0")),
    ("keys of personal data are wrapped", |it| {
        it.extras.get_mut("production").unwrap()["worker"]["secrets"] = json!({});
    }),
    ("events are sealed with a key", |it| {
        it.extras.get_mut("production").unwrap()["api"]["secrets"] = json!({});
    }),
    ("events are sealed with a key", |it| {
        add_plain(it, "api", "WORKERS", "external");
        it.extras.get_mut("production").unwrap()["worker"]["secrets"] = json!({});
    }),
    ("containers run as nobody, read-only, and check their own health", |it| {
        it.definitions.get_mut("api").unwrap()["containerDefinitions"][0]["user"] = json!("0");
    }),
    ("containers run as nobody, read-only, and check their own health", |it| {
        it.definitions.get_mut("api").unwrap()["containerDefinitions"][0]["healthCheck"] = Value::Null;
    }),
    ("an environment reads its own secrets only", |it| {
        set(it, "aws_secretsmanager_secret", "/name", json!("enterprise-todo/staging/DB_PASSWORD"));
    }),
    ("an environment reads its own secrets only", |it| it.environment = "staging".to_owned()),
    ("the database is Multi-AZ, with backups", |it| set(it, "aws_db_instance", "/multi_az", json!(false))),
    ("the database is Multi-AZ, with backups", |it| {
        set(it, "aws_db_instance", "/backup_retention_period", json!(1));
    }),
    ("deletion protection is on", |it| set(it, "aws_db_instance", "/deletion_protection", json!(false))),
    ("deletion protection is on", |it| set(it, "aws_lb", "/enable_deletion_protection", json!(false))),
    ("ports 5432 and 6379 are open to the tasks only", |it| {
        let rule = resource(it, "aws_vpc_security_group_ingress_rule");
        *rule = json!({"from_port": 5000, "to_port": 6000, "cidr_ipv4": "0.0.0.0/0"});
    }),
    ("ports 5432 and 6379 are open to the tasks only", |it| {
        without(it, "aws_vpc_security_group_ingress_rule");
    }),
    ("PostgreSQL and Redis take TLS only, and are encrypted at rest", |it| {
        set(it, "aws_elasticache_replication_group", "/transit_encryption_mode", json!("preferred"));
    }),
    ("PostgreSQL and Redis take TLS only, and are encrypted at rest", |it| {
        set(it, "aws_db_parameter_group", "/parameter", json!([]));
    }),
    ("PostgreSQL and Redis take TLS only, and are encrypted at rest", |it| {
        set(it, "aws_db_instance", "/storage_encrypted", json!(false));
    }),
    ("no public addresses", |it| {
        set(it, "aws_ecs_service", "/network_configuration/0/assign_public_ip", json!(true));
    }),
    ("no public addresses", |it| set(it, "aws_subnet", "/map_public_ip_on_launch", json!(true))),
    ("no public addresses", |it| set(it, "aws_db_instance", "/publicly_accessible", json!(true))),
    ("HTTP is redirected, HTTPS has a certificate", |it| {
        set(it, "aws_lb_listener", "/default_action/0/redirect", json!([{"status_code": "HTTP_302"}]));
        set(it, "aws_lb_listener", "/port", json!(80));
    }),
    ("HTTP is redirected, HTTPS has a certificate", |it| without(it, "aws_acm_certificate_validation")),
    ("a rolling deploy never goes below what is needed", |it| {
        set(it, "aws_ecs_service", "/deployment_minimum_healthy_percent", json!(50));
    }),
    ("a rolling deploy never goes below what is needed", |it| {
        set(it, "aws_ecs_service", "/deployment_circuit_breaker/0/rollback", json!(false));
    }),
    ("the bucket is private", |it| {
        set(it, "aws_s3_bucket_public_access_block", "/block_public_policy", json!(false));
    }),
    ("images are scanned, and tags never move", |it| {
        set(it, "aws_ecr_repository", "/image_tag_mutability", json!("MUTABLE"));
    }),
    ("only main may deploy, and only with a token of GitHub", |it| {
        let text = it.plan.take().unwrap().to_string().replace(":ref:refs/heads/main", ":*");
        it.plan = Some(serde_json::from_str(&text).unwrap());
    }),
    ("logs are kept 30, 30 and 90 days", |it| {
        set(it, "aws_cloudwatch_log_group", "/retention_in_days", json!(7));
    }),
    ("the metric filter counts errors", |it| {
        let text = it.plan.take().unwrap().to_string().replace("level=ERROR, ...", "level=FATAL, ...");
        it.plan = Some(serde_json::from_str(&text).unwrap());
    }),
    ("alarms go off and tell somebody", |it| {
        set(it, "aws_cloudwatch_metric_alarm", "/alarm_actions", json!([]));
    }),
    ("alarms go off and tell somebody", |it| without(it, "aws_cloudwatch_metric_alarm")),
    ("somebody gets the alerts", |it| without(it, "aws_sns_topic_subscription")),
    ("no keys of AWS are stored", |it| {
        edit(it, "release.yml", "permissions: {}", "permissions: {} # AWS_ACCESS_KEY_ID");
    }),
    ("the migrator runs before each deploy, with the same commit", |it| {
        edit(it, "release.yml", "scripts/migrate.sh", "scripts/nothing.sh");
    }),
    ("a deploy waits until it is stable", |it| edit(it, "deploy.sh", "watch.sh", "true")),
    ("a failed migration stops everything", |it| {
        edit(it, "release.yml", "migrate.sh \"$DIGEST\"", "migrate.sh \"$DIGEST\" || true");
    }),
    ("each migration has a way back", |it| it.migrations.push("9999_one_way.up.sql".to_owned())),
    ("actions are pinned by commit", |it| {
        edit(it, "release.yml", "@11bd71901bbe5b1630ceea73d27597364c9af683", "@v4");
    }),
    ("the surfaces are well", |it| {
        it.web = Running::with(Flaw::IsNotReady);
    }),
    ("health is not rate-limited", |it| {
        it.web = Running::with(Flaw::LimitsHealth);
    }),
    ("the running system redirects HTTP and has a good certificate", |it| {
        it.web = Running::with(Flaw::TakesPlainText);
    }),
    ("the running system redirects HTTP and has a good certificate", |it| {
        it.url = Some("http://api.todo.example".to_owned());
    }),
    ("playground, introspection and pages are off", |it| {
        it.web = Running::with(Flaw::ShowsPages);
    }),
    ("playground, introspection and pages are off", |it| {
        it.web = Running::with(Flaw::Introspects);
    }),
    ("strict headers are on every answer", |it| {
        it.web = Running::with(Flaw::HasNoCsp);
    }),
];

/// Faults in keys stand apart, because making keys takes a while.
const KEY_FAULTS: &[Plant] = &[
    ("the twelve key files are there, in pairs", |it| {
        it.keys.as_mut().unwrap().remove("portal_private_prod.pem");
    }),
    ("the twelve key files are there, in pairs", |it| {
        let keys = it.keys.as_mut().unwrap();
        keys.insert("user_public_prod.pem".to_owned(), keys["portal_public_prod.pem"].clone());
    }),
    ("the twelve key files are there, in pairs", |it| {
        let keys = it.keys.as_mut().unwrap();
        keys.insert("user_private_prod.pem".to_owned(), keys["user_public_prod.pem"].clone());
    }),
    ("keys differ per surface and environment", |it| {
        let keys = it.keys.as_mut().unwrap();
        keys.insert("user_private_prod.pem".to_owned(), keys["user_private_staging.pem"].clone());
    }),
    ("keys are RSA of 4096 bits", |it| {
        let folder = crate::workspace::state("preflight-weak");
        let pair = keys::ensure(&folder, ("weak.pem", "weak_public.pem"), Strength::Test).unwrap();
        let text = std::fs::read_to_string(pair.private).unwrap();
        it.keys.as_mut().unwrap().insert("user_private_prod.pem".to_owned(), text);
    }),
];

fn found(faults: &[Plant], whole: impl Fn() -> Subject) {
    for (index, (name, plant)) in faults.iter().enumerate() {
        assert_eq!(finding(&whole(), name), Finding::Pass, "{name}, with nothing wrong");
        let mut subject = whole();
        plant(&mut subject);
        let finding = finding(&subject, name);
        assert!(matches!(finding, Finding::Fail(_)), "fault {index}: '{name}' says {finding:?}");
    }
}

#[test]
fn every_row_finds_the_fault_it_is_for() {
    found(FAULTS, whole);
}

#[test]
fn keys_that_are_weak_alone_or_used_twice_are_found() {
    found(KEY_FAULTS, || Subject { keys: Some(keys()), ..whole() });
}

#[test]
fn no_row_is_without_a_fault_or_an_explanation() {
    let subject = Subject { keys: Some(BTreeMap::new()), ..whole() };
    for row in all() {
        let has_fault = FAULTS.iter().chain(KEY_FAULTS).any(|(name, _)| *name == row.name);
        let is_open = matches!((row.check)(&subject), Finding::NotHere(_));
        assert!(has_fault != is_open, "{}: a fault {has_fault}, not checkable {is_open}", row.name);
        assert!(!row.cure.is_empty());
    }
    let mut names: Vec<&str> = all().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all().count(), "two rows of one name");
}

#[test]
fn what_was_not_named_is_not_checkable_and_no_pass() {
    let mut subject = whole();
    (subject.plan, subject.url) = (None, None);
    let open = all().filter(|row| matches!((row.check)(&subject), Finding::NotHere(_))).count();
    assert!(open > 20, "{open}");
    let failed: Vec<&str> =
        all().filter(|row| matches!((row.check)(&subject), Finding::Fail(_))).map(|row| row.name).collect();
    assert_eq!(failed, [""; 0]);
}
