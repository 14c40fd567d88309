//! `api` and the bare process, started for a benchmark, and what the kernel knows of them.

use std::{
    fs,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    children::Running,
    database::Database,
    http::{self, Connection},
    servers::Servers,
};

/// The kernel counts CPU time for us in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;
/// Long enough for any machine.
const READY_MAX: Duration = Duration::from_secs(30);
/// 32 bytes that wrap nothing of anybody.
const DATA_KEY: &str = "YmVuY2htYXJrcyBkbyBub3Qga2VlcCBzZWNyZXRzISE=";
const POLL: Duration = Duration::from_millis(1);

/// A process that answers HTTP.
pub(crate) struct Process {
    pub(crate) port: u16,
    /// From the start to the first good answer.
    pub(crate) ready_after: Duration,
    running: Running,
}

impl Process {
    /// `api` as it is deployed by default: its consumers run inside.
    pub(crate) async fn api(servers: &Servers, database: &Database, name: &str) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(servers.programs.join("api"));
        command
            .env_clear()
            .env("APP_ENV", "development")
            .env("PROJECT_PORT", port.to_string())
            .env("DATABASE_URL", &database.url)
            .env("REDIS_URL", &servers.redis_url)
            .env("JWT_PRIVATE_KEY", servers.key("private")?)
            .env("JWT_PUBLIC_KEY", servers.key("public")?)
            .env("JWT_EXPIRATION_TIME", "8h")
            // It would find that seeded rows have no history, and take them away.
            .env("SELF_CHECK_SECONDS", "0")
            // All people of a benchmark come from one address.
            .env("RATE_LIMIT_PUBLIC", "1000000")
            .env("DATA_KEY", DATA_KEY);
        Self::start(&mut command, name, port, &["/health/ready", http::HEALTH]).await
    }

    /// `portal-api`, with nothing to do but answer.
    pub(crate) async fn portal(servers: &Servers, database: &Database) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(servers.programs.join("portal-api"));
        Self::portal_environment(&mut command, servers, database, port)?;
        Self::start(&mut command, "portal-api", port, &["/health/ready", http::HEALTH]).await
    }

    /// The variables that `portal-api` needs.
    pub(crate) fn portal_environment(
        command: &mut Command,
        servers: &Servers,
        database: &Database,
        port: u16,
    ) -> Result<()> {
        command
            .env_clear()
            .env("APP_ENV", "development")
            .env("PROJECT_PORT", port.to_string())
            .env("DATABASE_URL", &database.url)
            .env("REDIS_URL", &servers.redis_url)
            .env("JWT_PRIVATE_KEY", servers.key_of("portal", "private")?)
            .env("JWT_PUBLIC_KEY", servers.key_of("portal", "public")?)
            .env("WORKERS", "external")
            .env("DATA_KEY", DATA_KEY);
        Ok(())
    }

    /// The least that answers: a handler of the same web framework, see `bare`.
    pub(crate) async fn bare() -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe().context("where is this program?")?);
        command.args(["serve-bare", &port.to_string()]);
        Self::start(&mut command, "bare", port, &["/"]).await
    }

    async fn start(command: &mut Command, name: &str, port: u16, paths: &[&str]) -> Result<Self> {
        let started = Instant::now();
        let running = Running::start(command, name)?;
        let mut process = Self { port, ready_after: Duration::ZERO, running };
        for path in paths {
            while !answers(port, path).await {
                if started.elapsed() > READY_MAX {
                    bail!("{name} is not ready; the end of its log:\n{}", process.running.said());
                }
                tokio::time::sleep(POLL).await;
            }
        }
        process.ready_after = started.elapsed();
        Ok(process)
    }

    /// Seconds of CPU it has used, in itself and in the kernel.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let stat = self.proc("stat")?;
        // The name in parentheses may hold blanks; the fields after it are numbers.
        let (_, fields) = stat.rsplit_once(')').context("stat has no name")?;
        let field = |at: usize| fields.split_whitespace().nth(at).and_then(|text| text.parse::<f64>().ok());
        let (user, system) = field(11).zip(field(12)).context("stat has no times")?;
        Ok((user + system) / TICKS_PER_SECOND)
    }

    /// Resident memory in MiB.
    pub(crate) fn resident(&self) -> Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.context("status has no VmRSS")? / 1024.0)
    }

    /// The end of its log, for an error.
    pub(crate) fn said(&self) -> String {
        self.running.said()
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.running.pid);
        fs::read_to_string(&path).with_context(|| format!("could not read {path}"))
    }
}

async fn answers(port: u16, path: &str) -> bool {
    let asked = async {
        let mut connection = Connection::open(port).await?;
        connection.send(&http::get(path)).await.map(|answer| answer.status)
    };
    matches!(asked.await, Ok(200))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
