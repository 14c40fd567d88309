//! Whether the process lives, and whether it can do its work.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use tokio::time::timeout;

/// The longest a readiness check may take as a whole.
pub const READINESS_WAIT: Duration = Duration::from_secs(2);

/// Asks everything the process needs.
#[async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// One answer for each; the process is ready when all that it cannot do without are well.
    async fn checks(&self) -> Vec<Check>;
}

/// Whether one thing the process needs is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was asked: `postgres`, `redis`, …
    pub name: &'static str,
    /// Whether it is well.
    pub ok: bool,
    /// Whether the process cannot do without it.
    pub required: bool,
    /// What to tell whoever looks; no secrets, no addresses.
    pub detail: String,
}

/// The operations.
pub(crate) struct HealthApi {
    pub(crate) readiness: Arc<dyn Readiness>,
}

#[expect(clippy::unused_async, reason = "the macro wants all operations async")]
#[OpenApi]
impl HealthApi {
    /// Whether the process lives
    ///
    /// It says nothing about what the process needs: restarting it would not help there.
    #[oai(path = "/health/live", method = "get", operation_id = "live")]
    async fn live(&self) -> Alive {
        Alive::Alive(Json(Life { status: Living::Live }), NO_STORE.to_owned())
    }

    /// Whether the process can do its work, and what it lacks
    #[oai(path = "/health/ready", method = "get", operation_id = "ready")]
    async fn ready(&self) -> Ready {
        let checks = timeout(READINESS_WAIT, self.readiness.checks()).await.unwrap_or_else(|_| {
            let detail = format!("no answer within {} s", READINESS_WAIT.as_secs());
            vec![Check { name: "readiness", ok: false, required: true, detail }]
        });
        let ready = checks.iter().all(|check| check.ok || !check.required);
        let status = if ready { Readied::Ready } else { Readied::NotReady };
        let checks = checks.into_iter().map(Checked::from).collect();
        let (report, cache) = (Json(Report { status, checks }), NO_STORE.to_owned());
        if ready { Ready::Ready(report, cache) } else { Ready::NotReady(report, cache) }
    }
}

const NO_STORE: &str = "no-store";

#[derive(ApiResponse)]
enum Alive {
    /// It lives.
    #[oai(status = 200)]
    Alive(Json<Life>, #[oai(header = "Cache-Control")] String),
}

/// That the process lives.
#[derive(Object)]
struct Life {
    status: Living,
}

#[derive(poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
enum Living {
    Live,
}

#[derive(ApiResponse)]
enum Ready {
    /// It can do its work.
    #[oai(status = 200)]
    Ready(Json<Report>, #[oai(header = "Cache-Control")] String),
    /// It lacks something; `checks` names it.
    #[oai(status = 503)]
    NotReady(Json<Report>, #[oai(header = "Cache-Control")] String),
}

/// What the process needs, and whether it is there.
#[derive(Object)]
struct Report {
    status: Readied,
    checks: Vec<Checked>,
}

#[derive(poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
enum Readied {
    Ready,
    NotReady,
}

/// Whether one thing the process needs is there.
#[derive(Object)]
#[oai(rename = "Check")]
struct Checked {
    /// What was asked.
    name: String,
    /// Whether it is well.
    ok: bool,
    /// More about it.
    detail: String,
}

impl From<Check> for Checked {
    fn from(check: Check) -> Self {
        Self { name: check.name.to_owned(), ok: check.ok, detail: check.detail }
    }
}
