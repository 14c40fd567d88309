//! What production demands of `PostgreSQL` and Redis: TLS, the right authority, the right host; and
//! what happens when certificates and passwords change under a running process.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::Authority;

use crate::{
    environment::key,
    person::{REGISTER, fresh_name, input},
    process,
    redis::Redis,
    secure::{DATABASE, OWNER, PASSWORD, SecurePostgres, SecureRedis, trust},
    service::{Service, Settings, free_port},
    wait::until,
};

/// Many tries to connect: the first pauses between them are far below a second.
const REFUSED_FOR: Duration = Duration::from_secs(2);

/// The user surface as in production, with a mail server's settings left out.
fn settings(postgres: u16, redis: u16) -> Settings {
    Settings::none()
        .with("NODE_ENV", "production")
        .with("PROJECT_PORT", free_port().to_string())
        .with("PROJECT_DB_HOST", "localhost")
        .with("PROJECT_DB_PORT", postgres.to_string())
        .with("PROJECT_DB_USER", OWNER)
        .with("PROJECT_DB_PASSWORD", PASSWORD)
        .with("PROJECT_DB_NAME", DATABASE)
        .with("REDIS_PUBSUB_HOST", "localhost")
        .with("REDIS_PUBSUB_PORT", redis.to_string())
        .with("JWT_PRIVATE_KEY", key("user_private_dev.pem"))
        .with("JWT_PUBLIC_KEY", key("user_public_dev.pem"))
}

async fn migrate(settings: &Settings) -> (Option<i32>, String) {
    let output = process::run(settings.command("migrator", &[])).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// What the surface says about one of the things it needs.
async fn is_well(service: &Service, name: &str) -> Option<bool> {
    let answer = service.client().get("/health/ready").await.ok()?;
    answer.json()["checks"].as_array()?.iter().find(|check| check["name"] == name)?["ok"].as_bool()
}

#[tokio::test]
async fn only_the_right_authority_and_host_of_the_database_are_accepted() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let postgres = SecurePostgres::start(&right).await;
    let base = || settings(postgres.port, free_port());
    let (right, wrong) = (trust(&[&right]), trust(&[&wrong]));
    let refused = [
        ("another authority", base().with("DB_CA_FILE", &wrong), "UnknownIssuer"),
        // What the system trusts counts where nothing is said.
        ("the system's authorities", base().with("SSL_CERT_FILE", &wrong), "UnknownIssuer"),
        // The certificate is for localhost.
        (
            "another host",
            base().with("DB_CA_FILE", &right).with("PROJECT_DB_HOST", "127.0.0.1"),
            "not valid for",
        ),
    ];
    for (what, settings, says) in refused {
        let (code, said) = migrate(&settings).await;
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains("Migration failed: ") && said.contains(says), "{what}: {said}");
        let service = Service::start("api", &settings);
        service.process.says("Unable to connect to the database. Retrying (1)...").await;
        let log = service.process.log();
        assert!(log.contains(says) && !log.contains(PASSWORD), "{what}: {log}");
        assert_eq!(is_well(&service, "postgres").await, Some(false), "{what}");
    }
    assert_eq!(postgres.connections().0, 0, "nobody got in");

    for accepted in [base().with("DB_CA_FILE", &right), base().with("SSL_CERT_FILE", &right)] {
        let (code, said) = migrate(&accepted).await;
        assert_eq!(code, Some(0), "{said}");
        let service = Service::ready("api", &accepted).await;
        assert_eq!(is_well(&service, "postgres").await, Some(true));
        let (all, encrypted) = postgres.connections();
        assert!(all > 0 && all == encrypted, "{encrypted} of {all}");
    }
}

#[tokio::test]
async fn only_the_right_authority_and_host_of_redis_are_accepted() {
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let (postgres, redis) = (SecurePostgres::start(&right).await, SecureRedis::start(&right).await);
    let plain = Redis::running().await;
    let (right, wrong) = (trust(&[&right]), trust(&[&wrong]));
    let base = |port: u16| settings(postgres.port, port).with("DB_CA_FILE", &right);
    assert_eq!(migrate(&base(redis.port)).await.0, Some(0));
    for (what, settings, accepted) in [
        ("the right one", base(redis.port).with("REDIS_CA_FILE", &right), true),
        ("the system's", base(redis.port).with("SSL_CERT_FILE", &right), true),
        ("another authority", base(redis.port).with("REDIS_CA_FILE", &wrong), false),
        (
            "another host",
            base(redis.port).with("REDIS_CA_FILE", &right).with("REDIS_PUBSUB_HOST", "127.0.0.1"),
            false,
        ),
        ("plain text", base(plain.port()).with("REDIS_CA_FILE", &right), false),
    ] {
        // Without Redis it serves all the same.
        let service = Service::ready("api", &settings).await;
        if accepted {
            until("Redis over TLS", async || is_well(&service, "redis").await == Some(true)).await;
        } else {
            let begun = Instant::now();
            while begun.elapsed() < REFUSED_FOR {
                assert_eq!(is_well(&service, "redis").await, Some(false), "{what}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[tokio::test]
async fn certificates_and_authorities_are_rotated_under_a_running_process() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let postgres = SecurePostgres::start(&old).await;
    let mut redis = SecureRedis::start(&old).await;
    let both = trust(&[&old, &new]);
    let settings = settings(postgres.port, redis.port).with("DB_CA_FILE", &both).with("REDIS_CA_FILE", &both);
    assert_eq!(migrate(&settings).await.0, Some(0));
    let service = Service::ready("api", &settings).await;
    let works = async |what: &str| {
        until(&format!("an answer after {what}"), async || {
            is_well(&service, "postgres").await == Some(true)
                && is_well(&service, "redis").await == Some(true)
        })
        .await;
        // A command reads, appends and waits for its read models: all kinds of connections.
        let input = json!({"input": input(&fresh_name())});
        service.client().ask(REGISTER, input).await;
    };
    works("the start").await;
    for (what, authority) in [("another certificate", &old), ("another authority", &new)] {
        postgres.certify(authority, &["localhost"]);
        postgres.reload();
        redis.restart(authority, &["localhost"]).await;
        works(what).await;
    }
}

#[tokio::test]
async fn a_password_that_changes_is_read_again_by_a_running_process() {
    let authority = Authority::new("right");
    let (postgres, redis) = (SecurePostgres::start(&authority).await, SecureRedis::start(&authority).await);
    let trusted = trust(&[&authority]);
    let file = format!("{trusted}.password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let settings = settings(postgres.port, redis.port)
        .without("PROJECT_DB_PASSWORD")
        .with("PROJECT_DB_PASSWORD_FILE", &file)
        .with("DB_CA_FILE", &trusted)
        .with("REDIS_CA_FILE", &trusted);
    assert_eq!(migrate(&settings).await.0, Some(0));
    let service = Service::ready("api", &settings).await;
    for (round, password) in ["FirstOther7", "SecondOther7"].into_iter().enumerate() {
        postgres.sql("postgres", &format!("ALTER ROLE {OWNER} PASSWORD '{password}'"));
        std::fs::write(&file, password).unwrap();
        postgres.hang_up();
        until("an answer with the new password", async || is_well(&service, "postgres").await == Some(true))
            .await;
        until("a command with the new password", async || {
            let input = json!({"input": input(&fresh_name())});
            let answer = service.client().graphql(REGISTER, input).await.unwrap();
            answer.status == 200 && answer.json()["errors"].is_null()
        })
        .await;
        let log = service.process.log();
        assert!(!log.contains(password), "round {round}: {log}");
    }
    let (all, encrypted) = postgres.connections();
    assert!(all > 0 && all == encrypted, "{encrypted} of {all}");

    let missing = settings.with("PROJECT_DB_PASSWORD_FILE", "/no/such/file");
    let (code, said) = migrate(&missing).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("\"PROJECT_DB_PASSWORD_FILE\" names a file that cannot be read"), "{said}");
}
