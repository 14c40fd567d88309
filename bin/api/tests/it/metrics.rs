//! Metrics as Prometheus reads them.

mod exposition;

use std::{collections::BTreeMap, net::TcpListener};

use application::proofs::SealingKey;
use serde_json::json;
use testkit::{Manners, SmtpServer};

use self::exposition::{Exposition, promtool};
use crate::{
    client::Client,
    database::Database,
    documents::{COMPLETE, create},
    person::{Person, REGISTER, fresh_name, input},
    process,
    service::{Service, Settings, free_port},
    socket::Socket,
    wait::until,
};

/// Settings with a port for metrics, and a client of it.
pub(crate) fn measured(settings: Settings) -> (Settings, Client) {
    let port = free_port();
    (settings.with("METRICS_PORT", port.to_string()), Client::new(port))
}

pub(crate) async fn scrape(client: &Client) -> Exposition {
    let answer = client.get("/metrics").await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    Exposition::read(&answer.text)
}

/// A line that there must be: name, labels, and the least its number may be.
type Least = (&'static str, &'static [(&'static str, &'static str)], f64);

#[tokio::test]
async fn what_a_node_does_can_be_read_as_prometheus_reads_it() {
    let database = Database::migrated().await;
    let (settings, metrics) = measured(Settings::user(&database).with("RATE_LIMIT_PUBLIC", "30"));
    let api = Service::ready("api", &settings).await;
    let person = Person::new(&api).await;
    let client = person.at(&api);
    let mut socket = Socket::open(&api, &person.access).await;
    socket.subscribe("1", json!({})).await;
    until("a subscription", async || scrape(&metrics).await.value("subscriptions", &[]) == Some(1.0)).await;
    let made = create(&client, "measured").await;
    client.ask(COMPLETE, json!({"id": made["todo"]["id"]})).await;
    let stale = "mutation($id: ID!) { deleteTodo(id: $id, expectedVersion: 1) { version } }";
    assert_eq!(client.refused(stale, json!({"id": made["todo"]["id"]})).await.code, "CONFLICT");
    client.graphql("query Made_up_by_a_client { todos { totalCount } }", json!({})).await.unwrap();
    client.graphql("{ nothingOfOurs }", json!({})).await.unwrap();
    api.client().get("/health/live").await.unwrap();
    api.client().get("/made/up/path").await.unwrap();
    socket.change().await;
    until("a refusal", async || {
        let refused =
            api.client().graphql("mutation { verifyEmail(token: \"x\") { version } }", json!({})).await;
        refused.unwrap().status == 429
    })
    .await;

    let seen = scrape(&metrics).await;

    let least: &[Least] = &[
        ("requests_total", &[("operation", "createTodo"), ("status", "200")], 1.0),
        ("requests_total", &[("operation", "unknown"), ("status", "400")], 1.0),
        ("requests_total", &[("operation", "rest/health"), ("status", "200")], 1.0),
        ("requests_total", &[("operation", "other"), ("status", "404")], 1.0),
        ("request_duration_seconds_count", &[("operation", "todos")], 1.0),
        ("commands_total", &[("command", "todo.create"), ("outcome", "ok")], 1.0),
        ("commands_total", &[("command", "todo.delete"), ("outcome", "CONFLICT")], 1.0),
        ("command_duration_seconds_count", &[("command", "todo.complete")], 1.0),
        ("append_duration_seconds_count", &[], 4.0),
        ("appended_events_total", &[], 4.0),
        ("projected_events_total", &[("projection", "todo_list.v1")], 2.0),
        ("projection_batch_duration_seconds_count", &[("projection", "todo_list.v1")], 1.0),
        ("projection_running", &[("projection", "todo_list.v1")], 1.0),
        ("relay_lag_seconds_count", &[], 1.0),
        ("relay_connected", &[], 1.0),
        ("sockets", &[], 1.0),
        ("subscriptions", &[], 1.0),
        ("socket_operations_total", &[("operation", "todoChanged")], 1.0),
        ("rate_limit_refusals_total", &[("limit", "public")], 1.0),
        (
            "job_runs_total",
            &[("queue", "email"), ("kind", "send-email-verification"), ("outcome", "done")],
            1.0,
        ),
        ("job_duration_seconds_count", &[("queue", "email"), ("kind", "send-email-verification")], 1.0),
        ("mails_total", &[("outcome", "sent")], 1.0),
        ("pool_connections_max", &[("pool", "statements")], 1.0),
        ("pool_connections_open", &[("pool", "statements")], 1.0),
        ("database_up", &[], 1.0),
        ("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ];
    for (name, labels, least) in least {
        let value = seen.value(name, labels);
        assert!(value.is_some_and(|value| value >= *least), "{name} {labels:?} is {value:?}: {}", seen.text);
    }
    let stranger = ["Made_up", "nothingOfOurs", "made/up", &person.username, &person.id, "people.test"];
    for made_up in stranger {
        assert!(!seen.text.contains(made_up), "{made_up} is no label: {}", seen.text);
    }
    for name in ["projection_lag_events", "projection_lag_seconds", "pool_waiting", "pool_connections_in_use"]
    {
        assert!(seen.text.contains(&format!("# HELP enterprise_todo_{name} ")), "{name}: {}", seen.text);
    }
    if let Some(complaint) = promtool(&seen.text) {
        panic!("promtool check metrics: {complaint}");
    }
    drop(socket);
    until("no socket", async || scrape(&metrics).await.value("sockets", &[]) == Some(0.0)).await;
}

#[tokio::test]
async fn what_is_off_has_no_lag_until_somebody_turns_it_on() {
    let database = Database::migrated().await;
    let (settings, metrics) = measured(Settings::user(&database));
    let api = Service::ready("api", &settings).await;
    Person::new(&api).await;
    let sealing = [("projection", "audit_seal.v1")];
    let of_sealing = async |name: &str| scrape(&metrics).await.value(name, &sealing);
    until("the others", async || {
        scrape(&metrics).await.value("projection_running", &[("projection", "people.v1")]) == Some(1.0)
    })
    .await;
    for name in ["projection_lag_events", "projection_lag_seconds", "projection_running"] {
        assert_eq!(of_sealing(name).await, None, "{name}");
    }

    let key = SealingKey::generate().expect("a key");
    let worker = Service::start("worker", &Settings::common(&database).with("AUDIT_SIGNING_KEY", key));
    until("it runs", async || of_sealing("projection_running").await == Some(1.0)).await;
    // A log that is sealed no longer is an alarm, whoever took the key away.
    drop(worker);
    Person::new(&api).await;
    until("a lag", async || of_sealing("projection_lag_seconds").await.is_some_and(|age| age > 1.0)).await;
}

#[tokio::test]
async fn lag_and_the_depth_of_the_queue_are_shown_and_grow_with_time() {
    let (database, server) = (Database::migrated().await, SmtpServer::start().await);
    server.behave(Manners::Refuse("550 5.1.1 no such user here"));
    let with_mail = |settings: Settings| {
        let settings = settings.with("SMTP_HOST", "localhost").with("SMTP_FROM", "no-reply@todo.test");
        settings.with("SMTP_PORT", server.port().to_string())
    };
    let (settings, metrics) = measured(with_mail(Settings::user(&database)));
    let api = Service::ready("api", &settings).await;
    let worker = |words: &'static [&'static str]| {
        with_mail(Settings::common(&database)).command("worker", words).output().unwrap().status.success()
    };
    api.client().ask(REGISTER, json!({"input": input(&fresh_name())})).await;
    let dead = [("queue", "email"), ("kind", "send-email-verification"), ("state", "dead")];
    until("a dead letter", async || scrape(&metrics).await.value("jobs", &dead) == Some(1.0)).await;
    assert!(scrape(&metrics).await.value("jobs_oldest_seconds", &dead).is_some_and(|age| age >= 0.0));

    assert!(worker(&["consumers", "pause", "people.v1"]));
    let people = [("projection", "people.v1")];
    api.client().graphql(REGISTER, json!({"input": input(&fresh_name())})).await.unwrap();
    let age = async || scrape(&metrics).await.value("projection_lag_seconds", &people).unwrap();
    until("a lag of a second", async || age().await > 1.0).await;
    let behind = scrape(&metrics).await;
    assert!(behind.value("projection_lag_events", &people).is_some_and(|events| events >= 1.0));
    assert_eq!(behind.value("projection_running", &people), Some(0.0));
    assert!(worker(&["consumers", "resume", "people.v1"]));
    until("no lag", async || age().await == 0.0).await;
    assert_eq!(scrape(&metrics).await.value("projection_running", &people), Some(1.0));

    assert!(worker(&["jobs", "discard", "1"]) && worker(&["jobs", "discard", "2"]));
    until("an empty queue", async || scrape(&metrics).await.value("jobs", &dead).is_none()).await;
}

#[tokio::test]
async fn the_portal_and_the_worker_have_metrics_too_and_the_surfaces_port_has_none() {
    let database = Database::migrated().await;
    let (portal_settings, of_portal) = measured(Settings::portal(&database));
    let key = SealingKey::generate().expect("a key");
    let (worker_settings, of_worker) = measured(Settings::common(&database).with("AUDIT_SIGNING_KEY", &*key));
    let portal = Service::ready("portal-api", &portal_settings).await;
    let worker = Service::start("worker", &worker_settings);
    worker.process.says("application successfully started").await;
    for metrics in [&of_portal, &of_worker] {
        until("consumers", async || {
            scrape(metrics).await.value("projection_running", &[("projection", "todo_list.v1")]) == Some(1.0)
        })
        .await;
        assert_eq!(metrics.get("/").await.unwrap().status, 404);
        assert_eq!(metrics.post("/metrics", "").await.unwrap().status, 405);
        assert_eq!(metrics.get("/graphql?query=%7Bhealth%7D").await.unwrap().status, 404);
    }
    assert_eq!(portal.client().get("/metrics").await.unwrap().status, 404);
    for name in ["sealing_lag_events", "sealing_lag_seconds"] {
        assert_eq!(scrape(&of_worker).await.value(name, &[]), Some(0.0), "nothing has happened yet");
        assert_eq!(scrape(&of_portal).await.value(name, &[]), None, "where nobody seals, nothing is behind");
    }
}

#[tokio::test]
async fn a_port_for_metrics_that_cannot_be_had_ends_the_start_when_somebody_named_it() {
    let database = Database::migrated().await;
    for wrong in ["0", "metrics", "70000"] {
        let settings = Settings::user(&database).with("METRICS_PORT", wrong);
        let ended = process::run(settings.command("api", &[])).await;
        assert_eq!(ended.status.code(), Some(1));
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains("Config validation error: \"METRICS_PORT\" must be a port"), "{said}");
    }
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = process::run(Settings::user(&database).with("METRICS_PORT", &port).command("api", &[])).await;
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains(&format!("cannot listen for metrics on port {port}")), "{said}");
}

#[test]
fn the_reader_of_these_tests_refuses_what_prometheus_would() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\\\"\\\\\"} 1\n";
    assert_eq!(Exposition::read(good).values.len(), 1);
    let wrong: BTreeMap<&str, &str> = [
        ("no help", "# TYPE a_total counter\na_total 1\n"),
        ("no type", "# HELP a_total A.\na_total 1\n"),
        ("a counter without its suffix", "# HELP a A.\n# TYPE a counter\na 1\n"),
        ("a gauge with it", "# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n"),
        ("milliseconds", "# HELP a_milliseconds A.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n"),
        ("twice", "# HELP a A.\n# TYPE a gauge\na 1\na 2\n"),
        ("no number", "# HELP a A.\n# TYPE a gauge\na x\n"),
        ("a sample of nothing", "# HELP a A.\n# TYPE a gauge\nb 1\n"),
        ("no end", "# HELP a A.\n# TYPE a gauge\na 1"),
        ("an open label", "# HELP a A.\n# TYPE a gauge\na{b=\"c} 1\n"),
    ]
    .into();
    for (what, text) in wrong {
        assert!(std::panic::catch_unwind(|| Exposition::read(text)).is_err(), "{what}");
    }
}
