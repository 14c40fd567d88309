//! Reads variables one by one, and remembers everything that is wrong with them.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use adapter_mail::{Credentials, SmtpSettings, Tls as SmtpTls};
use adapter_postgres::{PgSettings, SERVICE_ROLE, Tls};
use application::{Lifetimes, PUBLIC_LIMIT};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Environment, Keys, METRICS_PORTAL, METRICS_USER, METRICS_WORKER, MetricsPort, Process, Secret};

const PORT_POSTGRES: u16 = 5432;
const PORT_REDIS: u16 = 6379;
/// Submission, with STARTTLS.
const PORT_SMTP: u16 = 587;

pub(super) struct Reader {
    pub(super) variables: HashMap<String, String>,
    pub(super) problems: Vec<String>,
}

impl Reader {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    pub(super) fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("Config validation error: \"{name}\" {what}"));
    }

    /// The first of these names that is set; the first one is what people are told about.
    pub(super) fn required(&mut self, names: &[&str]) -> Option<String> {
        let found = names.iter().find_map(|name| self.get(name));
        if found.is_none()
            && let Some(name) = names.first()
        {
            self.problem(name, "is required");
        }
        found
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let list = self.get(name).unwrap_or_default();
        list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self, name: &str, default: T) -> T {
        match self.get(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                self.problem(name, "must be a number");
                default
            }
        }
    }

    pub(super) fn port(&mut self, name: &str, default: u16) -> u16 {
        match self.get(name).map(|text| text.parse::<u16>()) {
            None => default,
            Some(Ok(port)) if port > 0 => port,
            Some(_) => {
                self.problem(name, "must be a port between 1 and 65535");
                default
            }
        }
    }

    /// Where metrics are shown: never where the surface is, which strangers reach.
    pub(super) fn metrics(&mut self, process: Process, served: u16) -> MetricsPort {
        let usual = match process {
            Process::Api | Process::Migrator => METRICS_USER,
            Process::Portal => METRICS_PORTAL,
            Process::Worker => METRICS_WORKER,
        };
        let named = self.get("METRICS_PORT").is_some();
        let port = self.port("METRICS_PORT", usual);
        if named && port == served {
            self.problem("METRICS_PORT", "must be another port than PROJECT_PORT");
        }
        MetricsPort { port, named }
    }

    pub(super) fn environment(&mut self) -> Option<Environment> {
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

    pub(super) fn postgres(
        &mut self,
        environment: Option<Environment>,
        process: Process,
    ) -> Option<PgSettings> {
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
                    Some(PgSettings { config, tls, role, password_file: None })
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
        let password_file = self.get("PROJECT_DB_PASSWORD_FILE").map(PathBuf::from);
        let password = match &password_file {
            Some(file) => self.content("PROJECT_DB_PASSWORD_FILE", file),
            None => self.required(&["PROJECT_DB_PASSWORD"]),
        };
        let name = self.required(&["PROJECT_DB_NAME", "PROJECT_DB_DATABASE"]);
        let mut config = tokio_postgres::Config::new();
        config.host(host?).port(port).user(user?).password(password?).dbname(name?);
        Some(PgSettings { config, tls, role, password_file })
    }

    /// What a file holds that a setting names.
    fn content(&mut self, name: &str, file: &Path) -> Option<String> {
        match std::fs::read_to_string(file) {
            Ok(text) => Some(text.trim_end().to_owned()),
            Err(error) => {
                self.problem(name, &format!("names a file that cannot be read: {error}"));
                None
            }
        }
    }

    pub(super) fn replica(&mut self, primary: &PgSettings) -> Option<PgSettings> {
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

    pub(super) fn redis(
        &mut self,
        environment: Option<Environment>,
        postgres: Option<&PgSettings>,
    ) -> (Secret, String) {
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

    /// The Redis for counting, where it is another one.
    pub(super) fn limits(&mut self, environment: Option<Environment>) -> Option<Secret> {
        let host = self.get("REDIS_BULL_HOST")?;
        let port = self.port("REDIS_BULL_PORT", PORT_REDIS);
        let scheme = if environment.is_some_and(Environment::is_public) { "rediss" } else { "redis" };
        Some(Secret(format!("{scheme}://{host}:{port}")))
    }

    pub(super) fn public_limit(&mut self, environment: Option<Environment>) -> u32 {
        let limit = self.number("RATE_LIMIT_PUBLIC", PUBLIC_LIMIT.most);
        if limit == 0 {
            self.problem("RATE_LIMIT_PUBLIC", "must be at least 1");
        }
        if limit > PUBLIC_LIMIT.most && environment.is_some_and(Environment::is_public) {
            let most = PUBLIC_LIMIT.most;
            self.problem(
                "RATE_LIMIT_PUBLIC",
                &format!("must be at most {most} outside development and test"),
            );
        }
        limit
    }

    /// The surface's own pair. On the portal `ADMIN_JWT_*` is the pair when any of it is set, and
    /// then nothing else is read: an environment that holds both pairs must not mix them.
    pub(super) fn keys(&mut self, portal: bool) -> Option<Keys> {
        const PLAIN: [&str; 3] = ["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY", "JWT_PUBLIC_KEYS_PREVIOUS"];
        const PORTAL: [&str; 3] =
            ["ADMIN_JWT_PRIVATE_KEY", "ADMIN_JWT_PUBLIC_KEY", "ADMIN_JWT_PUBLIC_KEYS_PREVIOUS"];
        let named = portal && PORTAL.iter().any(|name| self.get(name).is_some());
        let [private, public, previous] = if named { PORTAL } else { PLAIN };
        let (private, public) = (self.required(&[private]), self.required(&[public]));
        let previous = self.get(previous).unwrap_or_default();
        Some(Keys { private: Secret(private?), public: public?, previous })
    }

    pub(super) fn data_key(&mut self) -> Option<[u8; 32]> {
        let text = self.get("DATA_KEY")?;
        let key = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        if key.is_none() {
            self.problem("DATA_KEY", "must be 32 bytes in base64");
        }
        key
    }

    /// What keys may be wrapped with as well, while they move from one `DATA_KEY` to another.
    pub(super) fn data_keys_previous(&mut self, own: Option<&[u8; 32]>) -> Vec<[u8; 32]> {
        let name = "DATA_KEY_PREVIOUS";
        let texts = self.list(name);
        let key = |text: &String| STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        let Some(keys) = texts.iter().map(key).collect::<Option<Vec<[u8; 32]>>>() else {
            self.problem(name, "must be 32 bytes in base64, or several of them with commas between");
            return Vec::new();
        };
        if !keys.is_empty() && own.is_none() {
            self.problem(name, "must not be set without DATA_KEY");
        }
        if own.is_some_and(|own| keys.contains(own)) {
            self.problem(name, "must be another key than DATA_KEY");
        }
        keys
    }

    /// Where links in mails lead; without one, to a developer's own machine.
    pub(super) fn web_url(&mut self) -> String {
        let Some(url) = self.get("WEB_URL") else { return "http://localhost:3000".to_owned() };
        if !url.starts_with("https://") && !url.starts_with("http://") {
            self.problem("WEB_URL", "must begin with https:// or http://");
        }
        url
    }

    /// The mail server, when there is one.
    pub(super) fn smtp(&mut self, environment: Option<Environment>) -> Option<SmtpSettings> {
        let host = self.get("SMTP_HOST")?;
        let public = environment.is_some_and(Environment::is_public);
        let port = self.port("SMTP_PORT", PORT_SMTP);
        let from = self.required(&["SMTP_FROM"]);
        if public {
            // A mail whose link leads to the reader's own machine is worse than none.
            self.required(&["WEB_URL"]);
        }
        let credentials = match (self.get("SMTP_USER"), self.get("SMTP_PASS")) {
            (Some(user), Some(password)) => Some(Credentials { user, password }),
            (None, None) => None,
            (user, _) => {
                self.problem(if user.is_some() { "SMTP_PASS" } else { "SMTP_USER" }, "is required");
                None
            }
        };
        let ca_file = self.get("SMTP_CA_FILE").map(PathBuf::from);
        Some(SmtpSettings {
            host,
            port,
            tls: SmtpTls::of_port(port, public),
            ca_file,
            credentials,
            from: from?,
        })
    }

    pub(super) fn lifetimes(&mut self) -> Lifetimes {
        let default = Lifetimes::default();
        Lifetimes {
            access: self.lifetime("JWT_EXPIRATION_TIME", default.access),
            refresh: self.lifetime("JWT_REFRESH_EXPIRATION_TIME", default.refresh),
            portal: self.lifetime("ADMIN_JWT_EXPIRATION_TIME", default.portal),
            ..default
        }
    }

    /// `900`, `900s`, `15m`, `8h` or `7d`.
    pub(super) fn lifetime(&mut self, name: &str, default: Duration) -> Duration {
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
