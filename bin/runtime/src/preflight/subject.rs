//! What is looked at: the process's own settings, and what answers behind them. Asked once, all at the
//! same time, so that whatever is away costs its time-out once.

use std::collections::{BTreeMap, HashMap};

use adapter_mail::SmtpMailer;
use adapter_postgres::{Fitness, fitness};
use adapter_redis::RedisSettings;
use preflight::{Deployed, Held, Running, Web};
use tokio::runtime::Handle;

use super::web::Https;
use crate::{
    migrate,
    settings::{Process, Settings, environment},
};

/// See the module.
pub(crate) struct Subject {
    pub(crate) process: Process,
    pub(crate) variables: BTreeMap<String, String>,
    /// The settings, or everything that is wrong with them.
    pub(crate) settings: Result<Settings, Vec<String>>,
    /// The database; none where the settings do not lead to one.
    pub(crate) database: Option<Result<Fitness, String>>,
    /// Why Redis does not answer, by what it is for; none where nobody needs it.
    pub(crate) redis: Option<Result<(), String>>,
    /// Whether the mail server takes us; none where there is none.
    pub(crate) mail: Option<Result<(), String>>,
    urls: Vec<String>,
    web: Https,
}

impl Subject {
    pub(crate) async fn look(process: Process, urls: Vec<String>, runtime: Handle) -> Self {
        let variables = if process == Process::Migrator { migrate::variables() } else { environment() };
        let settings = Settings::read(process, variables.clone());
        let (database, redis, mail) = match &settings {
            Ok(settings) => tokio::join!(database(settings), redis(process, settings), mail(settings)),
            Err(_) => (None, None, None),
        };
        let variables = shown(process, variables);
        Self { process, variables, settings, database, redis, mail, urls, web: Https(runtime) }
    }
}

/// What the process is really told: what it puts there itself when nobody does is no setting.
fn shown(process: Process, variables: HashMap<String, String>) -> BTreeMap<String, String> {
    let told = if process == Process::Migrator { environment() } else { variables };
    told.into_iter().collect()
}

async fn database(settings: &Settings) -> Option<Result<Fitness, String>> {
    Some(fitness::look(&settings.postgres).await)
}

async fn redis(process: Process, settings: &Settings) -> Option<Result<(), String>> {
    if process == Process::Migrator {
        return None;
    }
    let ask = async |url: &str| {
        let (ca_file, channel) = (settings.redis_ca_file.clone(), settings.channel.clone());
        adapter_redis::answers(RedisSettings { url: url.to_owned(), ca_file, channel }).await
    };
    let hints = settings.redis_url.expose();
    let limits = settings.limits_url.expose();
    if let Err(why) = ask(hints).await {
        return Some(Err(format!("that of hints: {why}")));
    }
    if limits != hints
        && let Err(why) = ask(limits).await
    {
        return Some(Err(format!("that of limits: {why}")));
    }
    let encrypted = [hints, limits].iter().all(|url| url.starts_with("rediss://"));
    Some(if encrypted { Ok(()) } else { Err("the connection is not encrypted".to_owned()) })
}

async fn mail(settings: &Settings) -> Option<Result<(), String>> {
    let smtp = settings.smtp.clone()?;
    Some(match SmtpMailer::new(smtp) {
        Ok(mailer) => mailer.answers().await,
        Err(error) => Err(error.to_string()),
    })
}

impl Deployed for Subject {
    fn processes(&self) -> Vec<Held> {
        // Where a process runs, its secrets are variables like others.
        let (process, plain) = (self.process.name().to_owned(), self.variables.clone());
        vec![Held { process, plain, secrets: BTreeMap::new() }]
    }
}

impl Running for Subject {
    const HELP: &'static str = "name the running surfaces with --url";

    fn urls(&self) -> Vec<String> {
        self.urls.clone()
    }

    fn web(&self) -> &dyn Web {
        &self.web
    }
}
