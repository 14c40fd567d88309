//! The consumers and the jobs: embedded in the surfaces, or alone in `worker`.

use std::{process::ExitCode, sync::Arc, time::Duration};

use adapter_mail::SettingsError;
use adapter_postgres::{
    Deployment, Erasure, PgEventLog, PgSentLog, REACTIONS, Sealing, Wake, all,
    consumers::{BuildPace, Builders, Leases, Pace, Projection, Runner},
    jobs::{Bell, JobPace, PgUpkeep, our_kinds},
    mail_reactions,
};
use application::{
    Aggregates,
    jobs::{JobDeps, Jobs},
    mail::Mailer,
    ports::{EventLog, Signals, Vault},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    audit, cli,
    compose::{ComposeError, Node},
    mail, manage, preflight,
    projections::{self, Wish},
    scrape, seals,
    settings::{Process, Settings},
    telemetry, traces,
    world::SystemClock,
};

/// How long consumers may take to end.
const END_MAX: Duration = Duration::from_secs(5);
/// How often new events are sealed.
const SEAL_EVERY: Duration = Duration::from_secs(1);

/// All consumers of the deployment, whichever process runs them.
pub(crate) fn consumers(node: &Node, bell: &Arc<Bell>) -> Vec<Arc<dyn Projection>> {
    let mut consumers = all(&Deployment { vault: Arc::clone(&node.vault) as Arc<dyn Vault> });
    consumers.push(Arc::new(Erasure::new(Arc::clone(&node.vault))));
    consumers.extend(mail_reactions(&node.pools.pool, bell));
    consumers
}

/// What operators are shown: the consumers, and the one that seals, which has a pace of its own.
pub(crate) fn shown(node: &Node) -> Vec<Arc<dyn Projection>> {
    let mut shown = consumers(node, &Bell::new());
    shown.push(Arc::new(Sealing));
    shown
}

/// The running consumers and jobs of a process.
pub(crate) struct Workers {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Workers {
    /// Starts them all; each works whenever it gets its lease. Then the jobs they lead to.
    pub(crate) fn start(node: &Node, settings: &Settings) -> Result<Self, SettingsError> {
        let bell = Bell::new();
        let mailer = mail::mailer(node, settings)?;
        let mut consumers = consumers(node, &bell);
        if mailer.is_none() {
            consumers.retain(|consumer| !REACTIONS.contains(&consumer.name()));
        }
        let workers = Self { tasks: TaskTracker::new(), stop: CancellationToken::new() };
        workers.consume(node, settings, consumers);
        workers.seal(node, settings);
        workers.work(node, settings, mailer, bell);
        workers.tasks.close();
        Ok(workers)
    }

    fn consume(&self, node: &Node, settings: &Settings, consumers: Vec<Arc<dyn Projection>>) {
        let leases = Leases::new(node.pools.connector.clone());
        let builders = Builders {
            projections: consumers.clone(),
            pool: node.pools.pool.clone(),
            connector: node.pools.connector.clone(),
            leases: Arc::clone(&leases),
            pace: BuildPace::default(),
        };
        self.tasks.spawn(builders.run(self.stop.clone()));
        if let Some(every) = settings.self_check {
            let check = projections::self_check(node, consumers.clone(), Arc::clone(&leases), every);
            self.tasks.spawn(check.run(self.stop.clone()));
        }
        for projection in consumers {
            let runner = Runner {
                projection,
                pool: node.pools.pool.clone(),
                leases: Arc::clone(&leases),
                wake: Arc::clone(&node.wake),
                signals: Arc::clone(&node.signals) as Arc<dyn Signals>,
                reached: Arc::clone(&node.reached),
                pace: Pace::default(),
            };
            self.tasks.spawn(runner.run(self.stop.clone()));
        }
    }

    /// Seals the log, where there is a key to sign with.
    fn seal(&self, node: &Node, settings: &Settings) {
        let Some(notary) = seals::notary(node, &settings.seals) else {
            tracing::info!("events are not sealed here: AUDIT_SIGNING_KEY is not set");
            return;
        };
        let runner = Runner {
            projection: Arc::new(Sealing),
            pool: node.pools.pool.clone(),
            leases: Leases::new(node.pools.connector.clone()),
            // Nobody wakes it: commands do not pay for seals, and many events are sealed at once.
            wake: Wake::new(Arc::clone(&node.signals) as Arc<dyn Signals>),
            signals: Arc::clone(&node.signals) as Arc<dyn Signals>,
            reached: Arc::clone(&node.reached),
            pace: Pace { poll: SEAL_EVERY, ..Pace::default() },
        };
        self.tasks.spawn(runner.run(self.stop.clone()));
        self.tasks.spawn(seals::attend(notary, self.stop.clone()));
    }

    fn work(&self, node: &Node, settings: &Settings, mailer: Option<Arc<dyn Mailer>>, bell: Arc<Bell>) {
        let pool = || node.pools.pool.clone();
        let log: Arc<dyn EventLog> = Arc::new(PgEventLog::new(&node.pools, Arc::clone(&node.wake)));
        let jobs = Jobs::new(JobDeps {
            log: Arc::clone(&log),
            users: Aggregates::new(Arc::clone(&log)),
            operators: Aggregates::new(log),
            vault: Arc::clone(&node.vault) as _,
            clock: Arc::new(SystemClock),
            mailer,
            sent: Arc::new(PgSentLog::new(pool())),
            web_url: settings.web_url.clone(),
            upkeep: Arc::new(PgUpkeep::new(pool())),
        });
        let signals = Arc::clone(&node.signals) as Arc<dyn Signals>;
        let (rung, stop) = (Arc::clone(&bell).listen(REACTIONS.to_vec(), signals), self.stop.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = rung => {}
                () = stop.cancelled() => {}
            }
        });
        let runner = our_kinds(jobs, pool(), bell, JobPace::default());
        self.tasks.spawn(runner.run(self.stop.clone()));
    }

    /// Ends them; their leases are free at once.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        if tokio::time::timeout(END_MAX, self.tasks.wait()).await.is_err() {
            tracing::warn!("consumers did not end in time; their leases end with their sessions");
        }
    }
}

const USAGE: &str = "usage: worker                            run the consumers\n       \
    worker projections [list]         list them: how far they came, and whether they work\n       \
    worker projections pause NAME     stop one between two batches\n       \
    worker projections resume NAME    let a paused or halted one go on\n       \
    worker projections rebuild NAME   build a read model anew beside the serving one, and swap them\n       \
    worker projections cancel NAME    give a rebuild up\n       \
    worker projections rollback NAME  let the tables of before the last rebuild serve again\n       \
    worker projections dead-letters [NAME]\n       \
    worker projections dead-letters retry ID | discard ID\n       \
    worker projections check [NAME]   compute random rows anew from the log; mend what differs\n       \
    worker jobs [STATE]               list jobs: waiting, running, retrying, dead\n       \
    worker jobs retry ID              try one anew\n       \
    worker jobs discard ID            take one out of the queue\n       \
    worker keys rewrap                put all keys of people under DATA_KEY\n       \
    worker preflight [--url URL]... [--strict]   look whether this process is fit to go live";

/// The `worker` binary.
#[expect(clippy::print_stdout, reason = "help is for people")]
pub fn worker() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["preflight", rest @ ..] = words.as_slice() {
        return preflight::preflight(Process::Worker, rest);
    }
    let _log = telemetry::start();
    if let Some(code) = audit::command(&words) {
        return code;
    }
    match words.as_slice() {
        [] => run(),
        ["projections" | "consumers", rest @ ..] => match Wish::parse(rest) {
            Some(wish) => with_settings(|settings| {
                cli::run(async move { projections::projections(&settings, wish).await })
            }),
            None => cli::misconfigured(&[USAGE.to_owned()]),
        },
        ["jobs", rest @ ..] => match manage::Act::parse(rest) {
            Some(act) => {
                with_settings(|settings| cli::run(async move { manage::jobs(&settings, act).await }))
            }
            None => cli::misconfigured(&[USAGE.to_owned(), format!("       {}", audit::USAGE)]),
        },
        ["keys", "rewrap"] => {
            with_settings(|settings| cli::run(async move { manage::rewrap(&settings).await }))
        }
        ["--help" | "-h" | "help"] => {
            println!("{USAGE}\n       {}", audit::USAGE);
            ExitCode::SUCCESS
        }
        _ => cli::misconfigured(&[USAGE.to_owned(), format!("       {}", audit::USAGE)]),
    }
}

fn with_settings(run: impl FnOnce(Settings) -> ExitCode) -> ExitCode {
    match Settings::of(Process::Worker) {
        Ok(settings) => run(settings),
        Err(problems) => cli::misconfigured(&problems),
    }
}

fn run() -> ExitCode {
    let settings = match Settings::of(Process::Worker) {
        Ok(settings) => settings,
        Err(problems) => return cli::misconfigured(&problems),
    };
    cli::run(async move {
        let stop = cli::stop_signal();
        let traces = traces::start(&settings).map_err(ComposeError::Traces)?;
        let node = Node::new(&settings).await?;
        scrape::metrics(&node, &settings, stop.clone()).await.map_err(ComposeError::Metrics)?;
        if let Err(error) = node.ready(&stop).await {
            // To be stopped while waiting for the database is no failure.
            return if stop.is_cancelled() { Ok(()) } else { Err(error) };
        }
        let workers = Workers::start(&node, &settings).map_err(ComposeError::Mail)?;
        tracing::info!("worker runs");
        tracing::info!("application successfully started");
        stop.cancelled().await;
        workers.end().await;
        node.signals.close().await;
        traces.close().await;
        Ok::<(), ComposeError>(())
    })
}
