//! The log: one line an event, in the form that metric filters parse, and no secrets in it.

use serde_json::{Value, json};

use crate::{
    database::Database,
    person::{LOGIN, PASSWORD, Person, VERIFY},
    service::{Service, Settings},
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
}
