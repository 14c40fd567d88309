//! Settings: read once from the environment, all problems reported at once, secrets never shown.

mod reader;
mod seals;
mod traces;

use std::{collections::HashMap, fmt, path::PathBuf, time::Duration};

use adapter_mail::SmtpSettings;
use adapter_postgres::PgSettings;
use application::Lifetimes;

use self::reader::Reader;
pub(crate) use self::{seals::SealSettings, traces::TraceSettings};

const PORT_USER: u16 = 3333;
const PORT_PORTAL: u16 = 3334;
const METRICS_USER: u16 = 9464;
const METRICS_PORTAL: u16 = 9465;
const METRICS_WORKER: u16 = 9466;
const SELF_CHECK_SECONDS: u32 = 60;

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself: for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine.
    Development,
    /// In the tests.
    Test,
    /// Before production, like production.
    Staging,
    /// For real.
    Production,
}

impl Environment {
    /// Whether strangers may reach it.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }

    /// Its name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Test => "test",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

/// A surface's keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// PEM.
    pub private: Secret,
    /// PEM.
    pub public: String,
    /// PEMs that still verify.
    pub previous: String,
}

/// Where a process shows its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsPort {
    /// Where.
    pub port: u16,
    /// Whether somebody wants it there, or it is the usual place.
    pub named: bool,
}

/// Everything a process is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it runs.
    pub environment: Environment,
    /// Where it listens.
    pub port: u16,
    /// Where it shows its metrics.
    pub metrics: MetricsPort,
    /// The database.
    pub postgres: PgSettings,
    /// A replica for queries.
    pub replica: Option<PgSettings>,
    /// Redis, with its password if it has one.
    pub redis_url: Secret,
    /// The Redis in which nodes count together; mostly the same.
    pub limits_url: Secret,
    /// A private authority for Redis.
    pub redis_ca_file: Option<PathBuf>,
    /// The channel that the processes of one deployment share.
    pub channel: String,
    /// The surface's keys; absent in the worker.
    pub keys: Option<Keys>,
    /// Wraps the keys of personal data.
    pub data_key: Option<[u8; 32]>,
    /// What those keys may be wrapped with as well.
    pub data_keys_previous: Vec<[u8; 32]>,
    /// Where links in mails lead.
    pub web_url: String,
    /// The mail server; absent where mail is off, and where mails go to the outbox.
    pub smtp: Option<SmtpSettings>,
    /// Where browsers may come from.
    pub allowed_origins: Vec<String>,
    /// Proxies in front of us.
    pub trusted_proxies: usize,
    /// Whether the hop in front of us sets or removes `traceparent`.
    pub trusted_traceparent: bool,
    /// Where traces go; `None`: nothing is recorded.
    pub traces: Option<TraceSettings>,
    /// Whether the consumers run in a process of their own.
    pub external_workers: bool,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How often a minute one client may use the operations that need no token.
    pub public_limit: u32,
    /// What seals the audit trail, and checks its seals.
    pub seals: SealSettings,
    /// How often read models are checked against the log; `None`: never.
    pub self_check: Option<Duration>,
    /// What passes as every second factor; never in public environments.
    pub two_factor_bypass: Option<Secret>,
}

/// Which process asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// `api`.
    Api,
    /// `portal-api`.
    Portal,
    /// `worker`.
    Worker,
    /// `migrator`.
    Migrator,
}

impl Process {
    /// Its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Portal => "portal-api",
            Self::Worker => "worker",
            Self::Migrator => "migrator",
        }
    }
}

impl Settings {
    /// The settings of a process, or everything that is wrong with them.
    pub fn of(process: Process) -> Result<Self, Vec<String>> {
        Self::read(process, environment())
    }

    /// The settings in `variables`, or everything that is wrong with them.
    pub fn read(process: Process, variables: HashMap<String, String>) -> Result<Self, Vec<String>> {
        let mut read = Reader { variables, problems: Vec::new() };
        let environment = read.environment();
        let portal = process == Process::Portal;
        let postgres = read.postgres(environment, process);
        let replica = postgres.as_ref().and_then(|primary| read.replica(primary));
        let port = read.port("PROJECT_PORT", if portal { PORT_PORTAL } else { PORT_USER });
        let metrics = read.metrics(process, port);
        let (redis_url, channel) = read.redis(environment, postgres.as_ref());
        let limits_url = read.limits(environment).unwrap_or_else(|| redis_url.clone());
        let keys = if matches!(process, Process::Api | Process::Portal) { read.keys(portal) } else { None };
        let data_key = read.data_key();
        let data_keys_previous = read.data_keys_previous(data_key.as_ref());
        let redis_ca_file = read.get("REDIS_CA_FILE").map(PathBuf::from);
        let web_url = read.web_url();
        let smtp = if process == Process::Migrator { None } else { read.smtp(environment) };
        let origins = if portal { "PORTAL_ALLOWED_ORIGINS" } else { "ALLOWED_ORIGINS" };
        let allowed_origins = read.list(origins);
        let trusted_proxies = read.number("TRUSTED_PROXIES", 0);
        let trusted_traceparent = read.trusted_traceparent(trusted_proxies);
        let traces = if process == Process::Migrator { None } else { read.traces(process, environment) };
        let external_workers = read.get("WORKERS").is_some_and(|workers| workers == "external");
        let lifetimes = read.lifetimes();
        let public_limit = read.public_limit(environment);
        let seals = if process == Process::Migrator { SealSettings::default() } else { read.seals() };
        let self_check = read.number("SELF_CHECK_SECONDS", SELF_CHECK_SECONDS);
        let self_check = (self_check > 0).then(|| Duration::from_secs(self_check.into()));
        let two_factor_bypass = read.get("TWOFA_BYPASS_PASSWORD").map(Secret);
        if environment.is_some_and(Environment::is_public) && two_factor_bypass.is_some() {
            read.problem("TWOFA_BYPASS_PASSWORD", "must not be set outside development and test");
        }
        match (environment, postgres) {
            (Some(environment), Some(postgres)) if read.problems.is_empty() => Ok(Self {
                environment,
                port,
                metrics,
                postgres,
                replica,
                redis_url,
                limits_url,
                redis_ca_file,
                channel,
                keys,
                data_key,
                data_keys_previous,
                web_url,
                smtp,
                allowed_origins,
                trusted_proxies,
                trusted_traceparent,
                traces,
                external_workers,
                lifetimes,
                public_limit,
                seals,
                self_check,
                two_factor_bypass,
            }),
            _ => Err(read.problems),
        }
    }
}

/// The variables of the process.
pub(crate) fn environment() -> HashMap<String, String> {
    std::env::vars().filter(|(_, value)| !value.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings::read(Process::Api, variables.iter().map(own).collect())
    }

    const WHOLE: &[(&str, &str)] = &[
        ("NODE_ENV", "development"),
        ("DATABASE_URL", "postgres://u:very-secret@localhost:5432/d"),
        ("REDIS_URL", "redis://:very-secret@localhost"),
        ("JWT_PRIVATE_KEY", "very-secret"),
        ("JWT_PUBLIC_KEY", "public"),
    ];

    #[test]
    fn all_problems_are_reported_at_once() {
        let problems = read(&[("PROJECT_PORT", "0"), ("JWT_EXPIRATION_TIME", "soon")]).unwrap_err();
        for name in [
            "NODE_ENV",
            "PROJECT_DB_HOST",
            "PROJECT_DB_USER",
            "PROJECT_DB_PASSWORD",
            "PROJECT_DB_NAME",
            "REDIS_PUBSUB_HOST",
            "JWT_PRIVATE_KEY",
            "JWT_PUBLIC_KEY",
            "PROJECT_PORT",
            "JWT_EXPIRATION_TIME",
        ] {
            let found = problems.iter().filter(|problem| problem.contains(&format!("\"{name}\""))).count();
            assert_eq!(found, 1, "{name} in {problems:?}");
        }
        assert!(problems.iter().all(|problem| problem.starts_with("Config validation error: ")));
    }

    #[test]
    fn a_bypass_of_the_second_factor_is_refused_where_strangers_come() {
        let mut variables = WHOLE.to_vec();
        variables.push(("TWOFA_BYPASS_PASSWORD", "very-secret"));
        for place in ["development", "test"] {
            variables[0] = ("NODE_ENV", place);
            let bypass = read(&variables).unwrap().two_factor_bypass;
            assert_eq!(bypass.as_ref().map(Secret::expose), Some("very-secret"), "{place}");
        }
        for place in ["staging", "production"] {
            variables[0] = ("NODE_ENV", place);
            let refused = "Config validation error: \"TWOFA_BYPASS_PASSWORD\" must not be set outside development and test";
            assert_eq!(read(&variables).unwrap_err(), [refused], "{place}");
        }
    }

    #[test]
    fn a_surface_never_reads_the_keys_of_the_other() {
        let mut variables = WHOLE.to_vec();
        variables.extend([
            ("ADMIN_JWT_PRIVATE_KEY", "the portal's private key"),
            ("ADMIN_JWT_PUBLIC_KEY", "the portal's public key"),
            ("ADMIN_JWT_PUBLIC_KEYS_PREVIOUS", "the portal's previous keys"),
        ]);
        let keys = read(&variables).unwrap().keys.unwrap();
        assert_eq!((keys.private.expose(), &*keys.public, &*keys.previous), ("very-secret", "public", ""));
        // Not even in place of its own.
        variables.retain(|(name, _)| !name.starts_with("JWT_"));
        let refused = read(&variables).unwrap_err();
        assert!(refused.iter().any(|problem| problem.contains("\"JWT_PRIVATE_KEY\"")), "{refused:?}");
    }

    #[test]
    fn the_portal_takes_its_own_pair_whole_where_both_are_set() {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut variables = WHOLE.to_vec();
        variables.push(("JWT_PUBLIC_KEYS_PREVIOUS", "the user surface's previous keys"));
        variables.push(("ADMIN_JWT_PRIVATE_KEY", "private"));
        let portal =
            |variables: &[(&str, &str)]| Settings::read(Process::Portal, variables.iter().map(own).collect());
        let refused = portal(&variables).unwrap_err();
        assert_eq!(refused, ["Config validation error: \"ADMIN_JWT_PUBLIC_KEY\" is required"]);
        variables.push(("ADMIN_JWT_PUBLIC_KEY", "portal's public key"));
        let keys = portal(&variables).unwrap().keys.unwrap();
        assert_eq!(
            (keys.private.expose(), &*keys.public, &*keys.previous),
            ("private", "portal's public key", "")
        );
        variables.retain(|(name, _)| !name.starts_with("ADMIN_"));
        assert_eq!(portal(&variables).unwrap().keys.unwrap().private.expose(), "very-secret");
    }

    #[test]
    fn a_worker_reads_no_keys_at_all() {
        let own = WHOLE.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert!(Settings::read(Process::Worker, own.collect()).unwrap().keys.is_none());
    }

    #[test]
    fn strangers_may_not_be_let_in_more_often_where_they_come() {
        let mut variables = WHOLE.to_vec();
        assert_eq!(read(&variables).unwrap().public_limit, 20);
        variables.push(("RATE_LIMIT_PUBLIC", "5000"));
        assert_eq!(read(&variables).unwrap().public_limit, 5000);
        for (environment, limit, allowed) in [
            ("production", "21", false),
            ("staging", "5000", false),
            ("production", "20", true),
            ("production", "5", true),
            ("development", "0", false),
            ("development", "many", false),
        ] {
            variables[0] = ("NODE_ENV", environment);
            variables[WHOLE.len()] = ("RATE_LIMIT_PUBLIC", limit);
            assert_eq!(read(&variables).is_ok(), allowed, "{environment} {limit}");
        }
    }

    #[test]
    fn limits_are_counted_in_the_second_redis_when_there_is_one() {
        let mut variables = WHOLE.to_vec();
        assert_eq!(read(&variables).unwrap().limits_url, read(&variables).unwrap().redis_url);
        variables.push(("REDIS_BULL_HOST", "counts"));
        assert_eq!(read(&variables).unwrap().limits_url.expose(), "redis://counts:6379");
        variables[0] = ("NODE_ENV", "production");
        assert_eq!(read(&variables).unwrap().limits_url.expose(), "rediss://counts:6379");
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut variables = WHOLE.to_vec();
        variables.push(("TWOFA_BYPASS_PASSWORD", "very-secret"));
        let shown = format!("{:?}", read(&variables).unwrap());
        assert!(!shown.contains("very-secret"), "{shown}");
    }

    #[test]
    fn a_mail_server_needs_a_sender_and_strangers_need_a_true_address_for_links() {
        let mut variables = WHOLE.to_vec();
        variables.push(("SMTP_HOST", "mail.test"));
        let problems = read(&variables).unwrap_err();
        assert_eq!(problems, ["Config validation error: \"SMTP_FROM\" is required"]);
        variables.extend([
            ("SMTP_FROM", "no-reply@todo.test"),
            ("SMTP_USER", "u"),
            ("SMTP_PASS", "very-secret"),
        ]);
        let settings = read(&variables).unwrap();
        let smtp = settings.smtp.clone().unwrap();
        assert_eq!((smtp.port, smtp.tls), (587, adapter_mail::Tls::StartTls));
        assert!(!format!("{settings:?}").contains("very-secret"));
        variables[0] = ("NODE_ENV", "production");
        assert_eq!(read(&variables).unwrap_err(), ["Config validation error: \"WEB_URL\" is required"]);
        variables.push(("WEB_URL", "javascript:alert(1)"));
        let problems = read(&variables).unwrap_err();
        assert_eq!(problems, ["Config validation error: \"WEB_URL\" must begin with https:// or http://"]);
    }

    #[test]
    fn half_a_sign_in_at_the_mail_server_is_none() {
        let mut variables = WHOLE.to_vec();
        variables.extend([("SMTP_HOST", "mail.test"), ("SMTP_FROM", "a@todo.test"), ("SMTP_USER", "u")]);
        assert_eq!(read(&variables).unwrap_err(), ["Config validation error: \"SMTP_PASS\" is required"]);
    }

    #[test]
    fn each_process_shows_its_metrics_at_a_port_of_its_own() {
        let mut variables = WHOLE.to_vec();
        let of = |process, variables: &[(&str, &str)]| {
            let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Settings::read(process, own.collect()).map(|settings| settings.metrics)
        };
        let usual = |port| Ok(MetricsPort { port, named: false });
        assert_eq!(of(Process::Api, &variables), usual(9464));
        assert_eq!(of(Process::Portal, &variables), usual(9465));
        assert_eq!(of(Process::Worker, &variables), usual(9466));
        variables.push(("METRICS_PORT", "9999"));
        assert_eq!(of(Process::Api, &variables), Ok(MetricsPort { port: 9999, named: true }));
        for wrong in ["0", "-1", "65536", "off", "94 64", "3333"] {
            variables[WHOLE.len()] = ("METRICS_PORT", wrong);
            let refused = of(Process::Api, &variables).unwrap_err();
            assert!(
                refused[0].starts_with("Config validation error: \"METRICS_PORT\" must be"),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn other_data_keys_are_whole_and_other_ones() {
        let (own, other) =
            ("aXRzLWEtdGVzdC1rZXktb2YtMzItYnl0ZXMtbG9uZyE=", "b3RoZXItdGVzdC1rZXktb2YtMzItYnl0ZXMtbG9uZyE=");
        let mut variables = WHOLE.to_vec();
        variables.extend([("DATA_KEY", own), ("DATA_KEY_PREVIOUS", other)]);
        assert_eq!(read(&variables).unwrap().data_keys_previous, [*b"other-test-key-of-32-bytes-long!"]);
        let two = format!("{other}, {other}");
        for (previous, accepted) in
            [(two.as_str(), true), (own, false), ("c2hvcnQ=", false), ("no base64", false)]
        {
            variables[WHOLE.len() + 1] = ("DATA_KEY_PREVIOUS", previous);
            let settings = read(&variables);
            assert_eq!(settings.is_ok(), accepted, "{previous}");
            if let Err(problems) = settings {
                assert!(
                    problems.iter().all(|problem| problem.contains("\"DATA_KEY_PREVIOUS\" must")),
                    "{problems:?}"
                );
                assert!(!problems.concat().contains(previous), "no key is shown");
            }
        }
        variables.remove(WHOLE.len());
        variables[WHOLE.len()] = ("DATA_KEY_PREVIOUS", other);
        assert!(read(&variables).is_err(), "there is nothing before no key");
    }

    #[test]
    fn the_self_check_can_be_slower_or_off() {
        let mut variables = WHOLE.to_vec();
        assert_eq!(read(&variables).unwrap().self_check, Some(Duration::from_mins(1)));
        variables.push(("SELF_CHECK_SECONDS", "0"));
        assert_eq!(read(&variables).unwrap().self_check, None);
        variables[WHOLE.len()] = ("SELF_CHECK_SECONDS", "often");
        assert!(read(&variables).unwrap_err()[0].contains("SELF_CHECK_SECONDS"));
    }

    #[test]
    fn lifetimes_have_units() {
        let mut variables = WHOLE.to_vec();
        variables.push(("JWT_EXPIRATION_TIME", "2m"));
        assert_eq!(read(&variables).unwrap().lifetimes.access, Duration::from_mins(2));
    }
}
