//! Starting: everything that is missing is said; waiting where it helps, and an end where not.

use serde_json::{Value, json};

use crate::{
    database::Database,
    documents::create,
    environment::key,
    person::Person,
    process,
    proxy::Proxy,
    redis::Redis,
    service::{Service, Settings, free_port, in_parts},
    system::shared,
    wait::until,
};

async fn checks(service: &Service) -> (u16, Value) {
    let answer = service.client().get("/health/ready").await.unwrap();
    (answer.status, answer.json()["checks"].clone())
}

fn well(checks: &Value, name: &str) -> Option<bool> {
    checks.as_array()?.iter().find(|check| check["name"] == name)?["ok"].as_bool()
}

async fn refuses_to_start(program: &str, settings: &Settings) -> String {
    let output = process::run(settings.command(program, &[])).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn all_settings_that_are_missing_or_wrong_are_named_at_once() {
    let settings = Settings::none().with("PROJECT_PORT", "many").with("DATA_KEY", "short");
    let database = ["PROJECT_DB_HOST", "PROJECT_DB_USER", "PROJECT_DB_PASSWORD", "PROJECT_DB_NAME"];
    let keys = ["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY"];
    for (program, names) in [("api", &keys[..]), ("portal-api", &keys[..]), ("worker", &[])] {
        let said = refuses_to_start(program, &settings).await;
        for name in ["NODE_ENV"].iter().chain(&database).chain(names) {
            let line = format!("Config validation error: \"{name}\" is required");
            assert!(said.lines().any(|it| it == line), "{program}, {name}: {said}");
        }
        for name in ["PROJECT_PORT", "DATA_KEY", "REDIS_PUBSUB_HOST"] {
            assert!(
                said.contains(&format!("Config validation error: \"{name}\" ")),
                "{program}, {name}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn what_no_waiting_mends_ends_the_start_with_one_clear_line() {
    let system = shared().await;
    let good = || in_parts(Settings::user(&system.database), &system.database);
    let private = key("user_private_dev.pem");
    let production = good().with("NODE_ENV", "production").with("TWOFA_BYPASS_PASSWORD", "Bypass7");
    for (what, settings, says) in [
        (
            "password",
            good().with("PROJECT_DB_PASSWORD", "NotThePassword7"),
            "Unable to connect to the database: ",
        ),
        (
            "database",
            good().with("PROJECT_DB_NAME", "no_such_database"),
            "Unable to connect to the database: ",
        ),
        ("port", good().with("PROJECT_PORT", system.a.port.to_string()), "cannot listen on port"),
        ("key", good().with("JWT_PRIVATE_KEY", "garbage"), "Config validation error: "),
        ("pair", good().with("JWT_PUBLIC_KEY", key("other_public.pem")), "Config validation error: "),
        ("bypass", production, "\"TWOFA_BYPASS_PASSWORD\" must not be set"),
    ] {
        let said = refuses_to_start("api", &settings).await;
        assert!(said.contains(says), "{what}: {said}");
        for secret in ["NotThePassword7", "Bypass7", private.lines().nth(1).unwrap()] {
            assert!(!said.contains(secret), "{what}: {said}");
        }
    }
    let unknown = process::run(good().command("api", &["fly"])).await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
}

#[tokio::test]
async fn a_database_that_is_away_is_waited_for() {
    let database = Database::migrated().await;
    let port = free_port();
    let mut service = Service::start("api", &Settings::user(&database.behind(port)));
    service.process.says("Unable to connect to the database. Retrying (1)...").await;
    service.process.says("Unable to connect to the database. Retrying (2)...").await;
    let client = service.client();
    assert_eq!(client.get("/health/live").await.unwrap().status, 200);
    let (status, checks) = checks(&service).await;
    assert_eq!((status, well(&checks, "postgres")), (503, Some(false)), "{checks}");
    let early = client.graphql("{ health }", json!({})).await.unwrap();
    assert_eq!((early.status, early.refused("early").code), (503, "UNAVAILABLE".to_owned()));

    let _proxy = Proxy::on(port, database.address()).await;
    service.is_ready().await;
    for line in [
        "Connection to postgres established on 127.0.0.1",
        "API running at http://",
        "application successfully started",
    ] {
        service.process.says(line).await;
    }
    Person::new(&service).await;
}

#[tokio::test]
async fn a_schema_that_is_too_old_is_named_until_the_migrator_ran() {
    let database = Database::empty().await;
    let mut api = Service::start("api", &Settings::user(&database));
    let mut portal = Service::start("portal-api", &Settings::portal(&database));
    for service in [&api, &portal] {
        service.process.says("run the migrator").await;
        until("a report that the schema is too old", async || {
            let (status, checks) = checks(service).await;
            assert_eq!(status, 503, "{checks}");
            well(&checks, "schema") == Some(false)
        })
        .await;
    }
    let migrated = process::run(in_parts(Settings::none(), &database).command("migrator", &[])).await;
    assert!(migrated.status.success(), "{migrated:?}");
    api.is_ready().await;
    portal.is_ready().await;
    Person::new(&api).await;
}

#[tokio::test]
async fn without_redis_it_starts_and_serves_and_says_so() {
    let (database, mut redis) = (Database::migrated().await, Redis::absent());
    let service = Service::start("api", &Settings::user(&database).with("REDIS_URL", redis.url()));
    service.process.says("application successfully started").await;
    let (status, checks) = checks(&service).await;
    assert_eq!((status, well(&checks, "redis"), well(&checks, "postgres")), (200, Some(false), Some(true)));
    let person = Person::new(&service).await;
    create(&person.at(&service), "without Redis").await;
    redis.start().await;
    until("a report that Redis is there", async || {
        well(&self::checks(&service).await.1, "redis") == Some(true)
    })
    .await;
}

#[tokio::test]
async fn in_production_plain_text_to_the_database_is_refused_and_nothing_is_shown() {
    let database = Database::migrated().await;
    let settings = Settings::user(&database)
        .without("APP_ENV")
        .without("RATE_LIMIT_PUBLIC")
        .with("NODE_ENV", "production");
    let service = Service::start("api", &settings);
    let client = service.client();
    service.process.says("Unable to connect to the database. Retrying (1)...").await;
    for hidden in ["/docs", "/dev/outbox"] {
        assert_eq!(client.get(hidden).await.unwrap().status, 404, "{hidden}");
    }
    let live = client.get("/health/live").await.unwrap();
    assert!(live.header("strict-transport-security").contains("max-age="));
    assert_eq!(
        live.header("content-security-policy"),
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let graphiql = client.get("/").await.unwrap();
    assert!(graphiql.status != 200 && !graphiql.text.contains("<html"), "{graphiql:?}");
    service.process.says("Retrying (2)").await;
    let log = service.process.log();
    assert!(log.contains("TLS") && !log.contains("Connection to postgres established"), "{log}");
}

#[tokio::test]
async fn the_healthcheck_says_by_its_exit_code_whether_the_surface_is_well() {
    let system = shared().await;
    let check = async |program: &str, port: u16| {
        let settings = Settings::none().with("PROJECT_PORT", port.to_string());
        process::run(settings.command(program, &["healthcheck"])).await.status.code()
    };
    assert_eq!(check("api", system.a.port).await, Some(0));
    assert_eq!(check("portal-api", system.portal.port).await, Some(0));
    assert_eq!(check("api", free_port()).await, Some(1));
    let waiting = Service::start("api", &Settings::user(&system.database.behind(free_port())));
    waiting.process.says("Retrying (1)").await;
    assert_eq!(check("api", waiting.port).await, Some(1), "it lives, and does not serve yet");
}
