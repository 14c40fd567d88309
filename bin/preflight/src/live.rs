//! A running system, asked from outside.

use std::collections::BTreeMap;

use crate::{Finding, Row, nothing};

const HEALTH: &str = "/graphql?query=%7Bhealth%7D";
/// More than strangers may ask in a minute.
pub const HEALTH_ASKS: u32 = 25;
const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const INTROSPECTION: &str = r#"{"query":"{ __schema { queryType { name } } }"}"#;
const OPERATION: &str = "see the log of the service, /health/ready, and NODE_ENV in its task definition";

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// Whoever can ask, and verifies certificates.
pub trait Web {
    /// GET, or POST of JSON. Redirections are answers like others.
    fn ask(&self, url: &str, body: Option<&str>) -> Result<Answer, String>;
}

/// Who knows where surfaces run.
pub trait Running {
    /// What would tell, where nobody does.
    const HELP: &'static str;
    /// The surfaces, as `https://api.todo.example`; none where nobody named them.
    fn urls(&self) -> Vec<String>;
    /// Who asks them.
    fn web(&self) -> &dyn Web;
}

/// The rows.
pub fn rows<S: Running>() -> [Row<S>; 6] {
    [
        Row { name: "the surfaces are well", cure: OPERATION, check: well },
        Row {
            name: "health is not rate-limited",
            cure: "the load balancer asks it all the time; it must carry no @limited",
            check: health_unlimited,
        },
        Row {
            name: "the running system redirects HTTP and has a good certificate",
            cure: "apply ops/terraform/modules/edge; the certificate must be proved by its record",
            check: encrypted,
        },
        Row { name: "playground, introspection and pages are off", cure: OPERATION, check: closed },
        Row { name: "strict headers are on every answer", cure: OPERATION, check: headers },
        Row {
            name: "the platform claim is enforced on both surfaces",
            cure: "adapters/jwt checks it",
            check: |_| Finding::NotHere("it takes tokens of both surfaces; `cargo xtask test` holds it"),
        },
    ]
}

/// What is wrong with the surfaces that were named, each looked at in the same way.
fn each<S: Running>(subject: &S, look: impl Fn(&dyn Web, &str) -> Result<(), String>) -> Finding {
    let urls = subject.urls();
    if urls.is_empty() {
        return Finding::NotHere(S::HELP);
    }
    let wrong = urls.iter().filter_map(|url| {
        let why = look(subject.web(), url).err()?;
        Some(format!("{url}: {why}"))
    });
    nothing(&wrong.collect::<Vec<_>>())
}

fn is_well(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.contains(r#""health":"ok""#)
}

fn well<S: Running>(subject: &S) -> Finding {
    each(subject, |web, url| {
        let health = web.ask(&format!("{url}{HEALTH}"), None)?;
        if !is_well(&health) {
            return Err(format!("health answers {}", health.status));
        }
        let ready = web.ask(&format!("{url}/health/ready"), None)?;
        if ready.status == 200 { Ok(()) } else { Err(format!("it is not ready: {}", ready.body)) }
    })
}

fn health_unlimited<S: Running>(subject: &S) -> Finding {
    each(subject, |web, url| {
        for number in 1..=HEALTH_ASKS {
            let answer = web.ask(&format!("{url}{HEALTH}"), None)?;
            if !is_well(&answer) {
                return Err(format!("question {number} was answered with {}", answer.status));
            }
        }
        Ok(())
    })
}

fn encrypted<S: Running>(subject: &S) -> Finding {
    each(subject, |web, url| {
        let Some(rest) = url.strip_prefix("https://") else { return Err("it is not https".to_owned()) };
        // The certificate is verified by whoever asks.
        web.ask(&format!("{url}/health/live"), None)?;
        let plain = web.ask(&format!("http://{rest}/health/live"), None)?;
        let target = plain.headers.get("location").map(String::as_str).unwrap_or_default();
        let is_redirected = plain.status == 301 && target.starts_with("https://");
        if is_redirected { Ok(()) } else { Err(format!("plain HTTP is answered with {}", plain.status)) }
    })
}

fn closed<S: Running>(subject: &S) -> Finding {
    each(subject, |web, url| {
        for page in ["/", "/docs", "/dev/outbox"] {
            let answer = web.ask(&format!("{url}{page}"), None)?;
            if answer.status == 200 {
                return Err(format!("{page} is there"));
            }
        }
        let answer = web.ask(&format!("{url}/graphql"), Some(INTROSPECTION))?;
        if answer.body.contains("queryType\":{") { Err("introspection is on".to_owned()) } else { Ok(()) }
    })
}

fn headers<S: Running>(subject: &S) -> Finding {
    each(subject, |web, url| {
        let answer = web.ask(&format!("{url}{HEALTH}"), None)?;
        let header = |name: &str| answer.headers.get(name).map(String::as_str).unwrap_or_default();
        let missing = [
            ("content-security-policy", header("content-security-policy") == CSP),
            ("strict-transport-security", header("strict-transport-security").contains("max-age=")),
            ("x-content-type-options", header("x-content-type-options") == "nosniff"),
        ];
        let missing: Vec<&str> =
            missing.iter().filter(|(_, is_right)| !is_right).map(|(name, _)| *name).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("missing or weak: {}", missing.join(", "))) }
    })
}
