//! The log: one line an event, in the form that metric filters parse, and no secrets in it.

use serde_json::{Value, json};

use crate::{
    database::Database,
    filter_pattern::Pattern,
    person::{LOGIN, PASSWORD, Person, VERIFY},
    process,
    service::{Service, Settings, in_parts},
};

/// Whatever a log may hold: good and bad requests, a token shown twice, a signal to stop.
async fn busy(settings: &Settings) -> (Service, Person) {
    let mut service = Service::ready("api", settings).await;
    let person = Person::new(&service).await;
    let client = service.client();
    let named = LOGIN.replacen("mutation(", "mutation SignIn(", 1);
    client.refused(&named, json!({"identifier": person.email, "password": "Wrong7Password"})).await;
    client.refused(VERIFY, json!({"token": "Not7aToken"})).await;
    client
        .with("x-request-id", "my-own-id")
        .get("/no/such/path%0Awith%20a%20break?secret=Query7String")
        .await
        .unwrap();
    client.bearer("Not7aBearer").graphql("{ health }", json!({})).await.unwrap();
    for _ in 0..2 {
        client.graphql(crate::person::REFRESH, json!({"token": person.refresh})).await.unwrap();
    }
    service.process.signal("TERM");
    service.process.end().await;
    (service, person)
}

#[tokio::test]
async fn each_line_has_time_request_level_target_and_message() {
    let settings = Settings::user(&Database::migrated().await);
    let (service, person) = busy(&settings).await;
    let log = service.process.log();
    for line in log.lines() {
        let parts: Vec<&str> = line.splitn(5, ' ').collect();
        let [time, request, level, target, message] = parts[..] else { panic!("too short: {line}") };
        let digits = time.bytes().filter(u8::is_ascii_digit).count();
        assert!(digits == 17 && time.as_bytes()[10] == b'T' && time.ends_with('Z'), "{line}");
        assert!(!request.is_empty() && !message.is_empty(), "{line}");
        assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level), "{line}");
        assert!(target.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b)), "{line}");
    }
    let request = log.lines().find(|line| line.contains("operation=SignIn")).expect("a line a request");
    assert!(
        request.contains(" INFO http request method=POST path=/graphql operation=SignIn status="),
        "{request}"
    );
    assert!(request.rsplit_once(" ms=").is_some_and(|(_, ms)| ms.parse::<f64>().is_ok()), "{request}");
    let own = log.lines().find(|line| line.contains(" my-own-id ")).expect("the client's own request id");
    assert!(own.contains("path=/no/such/path%0Awith%20a%20break ") && own.contains("status=404"), "{own}");
    assert!(!log.contains(" ERROR "), "mistakes of clients are no errors of ours: {log}");

    let private = settings.get("JWT_PRIVATE_KEY").lines().nth(1).unwrap();
    let database: tokio_postgres::Config = settings.get("DATABASE_URL").parse().unwrap();
    let database = String::from_utf8_lossy(database.get_password().unwrap()).into_owned();
    for secret in [
        PASSWORD,
        "Wrong7Password",
        "Not7aToken",
        "Not7aBearer",
        "Query7String",
        private,
        &database,
        settings.get("DATA_KEY"),
        &person.access,
        &person.refresh,
        &person.email,
        &person.username,
    ] {
        assert!(!log.contains(secret), "the log shows {secret}");
    }
}

#[tokio::test]
async fn as_json_each_line_is_an_object() {
    let settings = Settings::user(&Database::migrated().await).with("LOG_FORMAT", "json");
    let (service, _) = busy(&settings).await;
    let lines: Vec<Value> =
        service.process.log().lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    for line in &lines {
        for name in ["timestamp", "level", "target", "message"] {
            assert!(line[name].is_string(), "{line}");
        }
    }
    let request = lines.iter().find(|line| line["operation"] == "SignIn").expect("a line a request");
    assert!(request["requestId"].is_string(), "{request}");
    assert!(request["status"].is_u64() && request["ms"].is_f64(), "numbers are numbers: {request}");
}

/// The patterns that stand in the infrastructure, by the name they have there.
fn deployed(name: &str) -> Pattern {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/terraform/modules/observability/main.tf");
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines().filter_map(|line| line.trim().split_once('='));
    let found = lines.find(|(left, right)| left.trim() == name && right.contains("[timestamp"));
    let quoted = found.unwrap_or_else(|| panic!("no pattern called {name}")).1.trim();
    Pattern::parse(quoted.trim_matches('"')).unwrap()
}

#[tokio::test]
async fn the_metric_filter_counts_exactly_the_errors_of_a_running_process() {
    let errors = deployed("errors");
    let database = Database::migrated().await;
    let (service, _) = busy(&Settings::user(&database)).await;
    let log = service.process.log();
    assert!(log.lines().count() > 5, "{log}");
    assert_eq!(log.lines().filter(|line| errors.matches(line)).count(), 0, "{log}");

    let wrong = in_parts(Settings::user(&database), &database).with("PROJECT_DB_PASSWORD", "NotIt7");
    let refused = process::run(wrong.command("api", &[])).await;
    let log = String::from_utf8_lossy(&refused.stdout).into_owned();
    let counted: Vec<&str> = log.lines().filter(|line| errors.matches(line)).collect();
    assert_eq!(counted.len(), 1, "{log}");
    assert!(
        counted[0].contains(" ERROR ") && counted[0].contains("Unable to connect to the database"),
        "{log}"
    );
}

#[test]
fn the_other_filters_count_what_the_programs_say_when_something_is_given_up() {
    let time = "2026-01-01T00:00:00.000Z -";
    for (name, line) in [
        (
            "events",
            "ERROR adapter_postgres::consumers::writing poison event; it is a dead letter now position=7",
        ),
        (
            "jobs",
            "ERROR adapter_postgres::jobs::task Job email:send-notification 7 failed after 3 attempt(s): x",
        ),
        ("failing", "WARN adapter_postgres::consumers::runner consumer failed; will try again error=x"),
    ] {
        let pattern = deployed(name);
        assert!(pattern.matches(&format!("{time} {line}")), "{name}");
        assert!(!pattern.matches(&format!("{time} INFO http request path=/Job")), "{name}");
        let others = ["events", "jobs", "failing"].into_iter().filter(|other| *other != name);
        for other in others {
            assert!(!deployed(other).matches(&format!("{time} {line}")), "{name} counts as {other}");
        }
        // The words are the program's own.
        let code = concat!(env!("CARGO_MANIFEST_DIR"), "/../../adapters/postgres/src/");
        let file = match name {
            "jobs" => "jobs/task.rs",
            "events" => "consumers/writing.rs",
            _ => "consumers/runner.rs",
        };
        let words = [
            "poison event; it is a dead letter now",
            "Job {name} {id} failed",
            "consumer failed; will try again",
        ];
        let word = words.into_iter().find(|word| line.contains(word.split(' ').next().unwrap())).unwrap();
        let code = std::fs::read_to_string(format!("{code}{file}")).unwrap();
        assert!(code.contains(&format!("\"{word}")), "{file} says {word} no more");
    }
}
