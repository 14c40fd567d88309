//! The two surfaces as processes of this machine.

use std::{
    fs,
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::State;
use crate::{
    database, environment, http,
    keys::Pair,
    pid::{self, Recorded},
    process, signals, steps,
};

/// A surface: its program and the port people expect.
#[derive(Debug)]
pub(super) struct Surface {
    pub(super) name: &'static str,
    pub(super) port: u16,
}

pub(super) const API: Surface = Surface { name: "api", port: 3333 };
pub(super) const PORTAL: Surface = Surface { name: "portal-api", port: 3334 };
pub(super) const SERVICES: [&Surface; 2] = [&API, &PORTAL];

/// Enough for a first start on a busy machine; a service that is well is ready within a second.
const READY_LIMIT: Duration = Duration::from_mins(1);
const PROBE_LIMIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);
/// Where the links of mails lead when nobody says otherwise: the usual place of a web front end.
const WEB_URL: &str = "http://localhost:3000";

/// What both surfaces are given.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    pub(super) programs: &'a Path,
    pub(super) database_url: &'a str,
    pub(super) redis_url: &'a str,
    pub(super) data_key: &'a str,
    pub(super) audit_key: &'a str,
}

impl Setting<'_> {
    /// A program of the surface with the environment in which it serves.
    pub(super) fn command(&self, surface: &Surface, port: u16, keys: &Pair) -> Result<Command> {
        let text = |path: &Path| {
            fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
        };
        let web_url = environment::variable("WEB_URL").unwrap_or_else(|| WEB_URL.to_owned());
        let mut command = database::program(self.programs, surface.name);
        command
            .env("APP_ENV", "development")
            .env("PROJECT_PORT", port.to_string())
            .env("DATABASE_URL", self.database_url)
            .env("REDIS_URL", self.redis_url)
            .env("JWT_PRIVATE_KEY", text(&keys.private)?)
            .env("JWT_PUBLIC_KEY", text(&keys.public)?)
            .env("DATA_KEY", self.data_key)
            .env("AUDIT_SIGNING_KEY", self.audit_key)
            .env("WEB_URL", web_url);
        if let Some(limit) = environment::variable("RATE_LIMIT_PUBLIC") {
            command.env("RATE_LIMIT_PUBLIC", limit);
        }
        Ok(command)
    }
}

/// A started surface that is still ours to watch.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) child: Child,
}

impl Service {
    pub(super) fn start(state: &State, surface: &Surface, port: u16, mut command: Command) -> Result<Self> {
        let log = state.folder.join(format!("{}.log", surface.name));
        let child = process::spawn_server(&mut command, &log)?;
        let service = Self { name: surface.name, url: format!("http://127.0.0.1:{port}"), child };
        let recorded = Recorded::write(&pid::file(&state.folder, surface.name), service.child.id());
        recorded.with_context(|| service.failure(state))?;
        Ok(service)
    }

    /// Wait until it says that it is ready, for a bounded time.
    pub(super) fn wait_until_ready(&mut self, state: &State) -> Result<()> {
        let client = http::client(PROBE_LIMIT);
        let url = format!("{}/health/ready", self.url);
        let begun = Instant::now();
        let mut answer = "no answer".to_owned();
        while begun.elapsed() < READY_LIMIT {
            match http::get(&client, &url) {
                Ok(found) if found.status == 200 => return Ok(()),
                Ok(found) => answer = format!("{} {}", found.status, found.body.trim()),
                Err(error) => answer = format!("{error:#}"),
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}); {}", self.name, self.failure(state));
            }
            signals::check()?;
            thread::sleep(POLL);
        }
        bail!(
            "{} was not ready within {} (it says: {answer}); {}",
            self.name,
            steps::elapsed(READY_LIMIT),
            self.failure(state)
        )
    }

    fn failure(&self, state: &State) -> String {
        let log = state.folder.join(format!("{}.log", self.name));
        format!("the end of its log {}:\n{}", log.display(), process::tail(&log))
    }
}
