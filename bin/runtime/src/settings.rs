//! Settings: read once from the environment, all problems reported at once, secrets never shown.

use std::{collections::HashMap, fmt, path::PathBuf, time::Duration};

use adapter_postgres::{PgSettings, SERVICE_ROLE, Tls};
use application::Lifetimes;
use base64::{Engine, engine::general_purpose::STANDARD};

const PORT_USER: u16 = 3333;
const PORT_PORTAL: u16 = 3334;
const PORT_POSTGRES: u16 = 5432;
const PORT_REDIS: u16 = 6379;

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

/// Everything a process is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it runs.
    pub environment: Environment,
    /// Where it listens.
    pub port: u16,
    /// The database.
    pub postgres: PgSettings,
    /// A replica for queries.
    pub replica: Option<PgSettings>,
    /// Redis, with its password if it has one.
    pub redis_url: Secret,
    /// A private authority for Redis.
    pub redis_ca_file: Option<PathBuf>,
    /// The channel that the processes of one deployment share.
    pub channel: String,
    /// The surface's keys; absent in the worker.
    pub keys: Option<Keys>,
    /// Wraps the keys of personal data.
    pub data_key: Option<[u8; 32]>,
    /// Where links in mails lead.
    pub web_url: String,
    /// Where browsers may come from.
    pub allowed_origins: Vec<String>,
    /// Proxies in front of us.
    pub trusted_proxies: usize,
    /// Whether the consumers run in a process of their own.
    pub external_workers: bool,
    /// How long things live.
    pub lifetimes: Lifetimes,
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
        let (redis_url, channel) = read.redis(environment, postgres.as_ref());
        let keys = if matches!(process, Process::Api | Process::Portal) { read.keys(portal) } else { None };
        let data_key = read.data_key();
        let redis_ca_file = read.get("REDIS_CA_FILE").map(PathBuf::from);
        let web_url = read.get("WEB_URL").unwrap_or_else(|| "http://localhost:3000".to_owned());
        let origins = if portal { "PORTAL_ALLOWED_ORIGINS" } else { "ALLOWED_ORIGINS" };
        let allowed_origins = read.list(origins);
        let trusted_proxies = read.number("TRUSTED_PROXIES", 0);
        let external_workers = read.get("WORKERS").is_some_and(|workers| workers == "external");
        let lifetimes = read.lifetimes();
        if environment.is_some_and(Environment::is_public) && read.get("TWOFA_BYPASS_PASSWORD").is_some() {
            read.problem("TWOFA_BYPASS_PASSWORD", "must not be set outside development and test");
        }
        match (environment, postgres) {
            (Some(environment), Some(postgres)) if read.problems.is_empty() => Ok(Self {
                environment,
                port,
                postgres,
                replica,
                redis_url,
                redis_ca_file,
                channel,
                keys,
                data_key,
                web_url,
                allowed_origins,
                trusted_proxies,
                external_workers,
                lifetimes,
            }),
            _ => Err(read.problems),
        }
    }
}

/// The variables of the process.
pub(crate) fn environment() -> HashMap<String, String> {
    std::env::vars().filter(|(_, value)| !value.trim().is_empty()).collect()
}

struct Reader {
    variables: HashMap<String, String>,
    problems: Vec<String>,
}

impl Reader {
    fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("Config validation error: \"{name}\" {what}"));
    }

    /// The first of these names that is set; the first one is what people are told about.
    fn required(&mut self, names: &[&str]) -> Option<String> {
        let found = names.iter().find_map(|name| self.get(name));
        if found.is_none()
            && let Some(name) = names.first()
        {
            self.problem(name, "is required");
        }
        found
    }

    fn list(&self, name: &str) -> Vec<String> {
        let list = self.get(name).unwrap_or_default();
        list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str, default: T) -> T {
        match self.get(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                self.problem(name, "must be a number");
                default
            }
        }
    }

    fn port(&mut self, name: &str, default: u16) -> u16 {
        match self.get(name).map(|text| text.parse::<u16>()) {
            None => default,
            Some(Ok(port)) if port > 0 => port,
            Some(_) => {
                self.problem(name, "must be a port between 1 and 65535");
                default
            }
        }
    }

    fn environment(&mut self) -> Option<Environment> {
        let name = self.required(&["NODE_ENV", "APP_ENV"])?.to_lowercase();
        match name.as_str() {
            "development" => Some(Environment::Development),
            "test" => Some(Environment::Test),
            "staging" => Some(Environment::Staging),
            "production" => Some(Environment::Production),
            _ => {
                self.problem("NODE_ENV", "must be one of development, test, staging, production");
                None
            }
        }
    }

    fn postgres(&mut self, environment: Option<Environment>, process: Process) -> Option<PgSettings> {
        let tls = match environment {
            Some(environment) if environment.is_public() => {
                Tls::VerifyFull { ca_file: self.get("DB_CA_FILE").map(PathBuf::from) }
            }
            _ => Tls::Off,
        };
        let role = (process != Process::Migrator).then_some(SERVICE_ROLE);
        if let Some(url) = self.get("DATABASE_URL") {
            return match url.parse::<tokio_postgres::Config>() {
                Ok(config) if config.get_user().is_some() && config.get_dbname().is_some() => {
                    Some(PgSettings { config, tls, role })
                }
                Ok(_) | Err(_) => {
                    self.problem(
                        "DATABASE_URL",
                        "must look like postgres://user:password@host:5432/database",
                    );
                    None
                }
            };
        }
        let host = self.required(&["PROJECT_DB_HOST"]);
        let port = self.port("PROJECT_DB_PORT", PORT_POSTGRES);
        let user = self.required(&["PROJECT_DB_USER", "PROJECT_DB_USERNAME"]);
        let password = self.required(&["PROJECT_DB_PASSWORD"]);
        let name = self.required(&["PROJECT_DB_NAME", "PROJECT_DB_DATABASE"]);
        let mut config = tokio_postgres::Config::new();
        config.host(host?).port(port).user(user?).password(password?).dbname(name?);
        Some(PgSettings { config, tls, role })
    }

    fn replica(&mut self, primary: &PgSettings) -> Option<PgSettings> {
        let host = self.get("PROJECT_DB_READ_HOST")?;
        let mut config = tokio_postgres::Config::new();
        let of = &primary.config;
        config.host(host).port(of.get_ports().first().copied().unwrap_or(PORT_POSTGRES));
        config.user(of.get_user()?).dbname(of.get_dbname()?);
        if let Some(password) = of.get_password() {
            config.password(password);
        }
        Some(PgSettings { config, ..primary.clone() })
    }

    fn redis(&mut self, environment: Option<Environment>, postgres: Option<&PgSettings>) -> (Secret, String) {
        let channel = match postgres.and_then(|settings| settings.config.get_dbname()) {
            Some(database) => format!("enterprise-todo:{database}"),
            None => "enterprise-todo".to_owned(),
        };
        if let Some(url) = self.get("REDIS_URL") {
            return (Secret(url), channel);
        }
        let host = self.get("REDIS_PUBSUB_HOST").or_else(|| self.get("REDIS_BULL_HOST"));
        let name =
            if self.get("REDIS_PUBSUB_HOST").is_some() { "REDIS_PUBSUB_PORT" } else { "REDIS_BULL_PORT" };
        let port = self.port(name, PORT_REDIS);
        let Some(host) = host else {
            self.problem("REDIS_PUBSUB_HOST", "is required (or REDIS_URL)");
            return (Secret(String::new()), channel);
        };
        let scheme = if environment.is_some_and(Environment::is_public) { "rediss" } else { "redis" };
        (Secret(format!("{scheme}://{host}:{port}")), channel)
    }

    fn keys(&mut self, portal: bool) -> Option<Keys> {
        let names: [&[&str]; 3] = if portal {
            [
                &["JWT_PRIVATE_KEY", "ADMIN_JWT_PRIVATE_KEY"],
                &["JWT_PUBLIC_KEY", "ADMIN_JWT_PUBLIC_KEY"],
                &["JWT_PUBLIC_KEYS_PREVIOUS", "ADMIN_JWT_PUBLIC_KEYS_PREVIOUS"],
            ]
        } else {
            [&["JWT_PRIVATE_KEY"], &["JWT_PUBLIC_KEY"], &["JWT_PUBLIC_KEYS_PREVIOUS"]]
        };
        let private = self.required(names[0]);
        let public = self.required(names[1]);
        let previous = names[2].iter().find_map(|name| self.get(name)).unwrap_or_default();
        Some(Keys { private: Secret(private?), public: public?, previous })
    }

    fn data_key(&mut self) -> Option<[u8; 32]> {
        let text = self.get("DATA_KEY")?;
        let key = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        if key.is_none() {
            self.problem("DATA_KEY", "must be 32 bytes in base64");
        }
        key
    }

    fn lifetimes(&mut self) -> Lifetimes {
        let default = Lifetimes::default();
        Lifetimes {
            access: self.lifetime("JWT_EXPIRATION_TIME", default.access),
            refresh: self.lifetime("JWT_REFRESH_EXPIRATION_TIME", default.refresh),
            portal: self.lifetime("ADMIN_JWT_EXPIRATION_TIME", default.portal),
            ..default
        }
    }

    /// `900`, `900s`, `15m`, `8h` or `7d`.
    fn lifetime(&mut self, name: &str, default: Duration) -> Duration {
        let Some(text) = self.get(name) else { return default };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" | "s" => Some(1),
            "m" => Some(60),
            "h" => Some(60 * 60),
            "d" => Some(24 * 60 * 60),
            _ => None,
        };
        let seconds = digits.parse::<u64>().ok().zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
        let Some(seconds) = seconds.filter(|seconds| *seconds > 0) else {
            self.problem(name, "must be a duration like 900, 15m, 8h or 7d");
            return default;
        };
        Duration::from_secs(seconds)
    }
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
        variables.push(("TWOFA_BYPASS_PASSWORD", "x"));
        assert!(read(&variables).is_ok());
        variables[0] = ("NODE_ENV", "production");
        assert_eq!(
            read(&variables).unwrap_err(),
            [
                "Config validation error: \"TWOFA_BYPASS_PASSWORD\" must not be set outside development and test"
            ]
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", read(WHOLE).unwrap());
        assert!(!shown.contains("very-secret"), "{shown}");
    }

    #[test]
    fn lifetimes_have_units() {
        let mut variables = WHOLE.to_vec();
        variables.push(("JWT_EXPIRATION_TIME", "2m"));
        assert_eq!(read(&variables).unwrap().lifetimes.access, Duration::from_secs(120));
    }
}
