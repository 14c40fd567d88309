//! `api`, `portal-api` and `worker` as processes with settings.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

use crate::{
    client::Client,
    database::Database,
    environment::{key, told},
    process::{self, Process},
    wait::until,
};

/// 32 bytes that no other system uses.
const DATA_KEY: &str = "aXRzLWEtdGVzdC1rZXktb2YtMzItYnl0ZXMtbG9uZyE=";
/// Below the ports that the system gives to clients, so that none of those is in the way.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// The variables of a process.
#[derive(Clone)]
pub(crate) struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// None at all.
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Of the user surface.
    pub(crate) fn user(database: &Database) -> Self {
        Self::common(database)
            .with("JWT_PRIVATE_KEY", key("user_private_dev.pem"))
            .with("JWT_PUBLIC_KEY", key("user_public_dev.pem"))
    }

    /// Of the portal.
    pub(crate) fn portal(database: &Database) -> Self {
        Self::common(database)
            .with("JWT_PRIVATE_KEY", key("portal_private_dev.pem"))
            .with("JWT_PUBLIC_KEY", key("portal_public_dev.pem"))
    }

    /// Of the worker, which has no keys.
    pub(crate) fn common(database: &Database) -> Self {
        Self::none()
            .with("APP_ENV", "test")
            .with("DATABASE_URL", &database.url)
            .with("REDIS_URL", told("TEST_REDIS_URL"))
            .with("DATA_KEY", DATA_KEY)
            .with("WEB_URL", "http://web.test")
            // Tests that change rows by hand have them stay so.
            .with("SELF_CHECK_SECONDS", "0")
            // All tests come from one address.
            .with("RATE_LIMIT_PUBLIC", "1000000")
            .with("PROJECT_PORT", free_port().to_string())
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.0.remove(name);
        self
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The command that runs a program with these.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> std::process::Command {
        let variables: Vec<_> = self.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        process::command(program, arguments, &variables)
    }
}

/// The settings' parts of a database's address, in place of one.
pub(crate) fn in_parts(settings: Settings, database: &Database) -> Settings {
    let config = database.config();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (host, port) = database.address();
    settings
        .without("DATABASE_URL")
        .with("PROJECT_DB_HOST", host)
        .with("PROJECT_DB_PORT", port.to_string())
        .with("PROJECT_DB_USER", config.get_user().unwrap_or_default())
        .with("PROJECT_DB_PASSWORD", config.get_password().map(text).unwrap_or_default())
        .with("PROJECT_DB_NAME", &database.name)
}

/// A process that serves.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Service {
    /// Starts a program; it is not ready yet.
    pub(crate) fn start(program: &str, settings: &Settings) -> Self {
        let port = settings.get("PROJECT_PORT").parse().expect("a port");
        Self { process: Process::start(settings.command(program, &[])), port }
    }

    /// Starts a program and waits until it is ready.
    pub(crate) async fn ready(program: &str, settings: &Settings) -> Self {
        let mut service = Self::start(program, settings);
        service.is_ready().await;
        service
    }

    /// Waits until it is ready.
    pub(crate) async fn is_ready(&mut self) {
        let client = self.client();
        let process = &mut self.process;
        until("readiness", async || {
            assert!(process.ended().is_none(), "the process has ended");
            client.get("/health/ready").await.is_ok_and(|answer| answer.status == 200)
        })
        .await;
    }

    /// Nobody known.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.port)
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 53 % 19_000).expect("a small number");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % 1_000;
        let port = PORTS.start + start + step;
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}
