//! The consumers: embedded in the surfaces, or alone in `worker`.

use std::{process::ExitCode, sync::Arc, time::Duration};

use adapter_postgres::{
    Deployment, all, connector,
    consumers::{self, Leases, Pace, Runner},
};
use application::ports::{Signals, Vault};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cli,
    compose::{ComposeError, Node},
    settings::{Process, Settings},
    telemetry,
};

/// How long consumers may take to end.
const END_MAX: Duration = Duration::from_secs(5);

/// The running consumers of a process.
pub(crate) struct Workers {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Workers {
    /// Starts them all; each works whenever it gets its lease.
    pub(crate) fn start(node: &Node, settings: &Settings) -> Self {
        let outbox_web_url = (!settings.environment.is_public()).then(|| settings.web_url.clone());
        if outbox_web_url.is_none() {
            tracing::warn!("mail is off: this release sends none outside development and test");
        }
        let deployment = Deployment { vault: Arc::clone(&node.vault) as Arc<dyn Vault>, outbox_web_url };
        let leases = Leases::new(node.pools.connector.clone());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        for projection in all(&deployment) {
            let runner = Runner {
                projection,
                pool: node.pools.pool.clone(),
                leases: Arc::clone(&leases),
                wake: Arc::clone(&node.wake),
                signals: Arc::clone(&node.signals) as Arc<dyn Signals>,
                reached: Arc::clone(&node.reached),
                pace: Pace::default(),
            };
            tasks.spawn(runner.run(stop.clone()));
        }
        tasks.close();
        Self { tasks, stop }
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
    worker consumers                  list them: how far they came, and whether they work\n       \
    worker consumers pause NAME       stop one between two batches\n       \
    worker consumers resume NAME      let a paused or halted one go on";

/// The `worker` binary.
#[expect(clippy::print_stdout, reason = "help is for people")]
pub fn worker() -> ExitCode {
    telemetry::start();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => run(),
        ["consumers"] => manage(None),
        ["consumers", "pause", name] => manage(Some((*name, Act::Pause))),
        ["consumers", "resume", name] => manage(Some((*name, Act::Resume))),
        ["--help" | "-h" | "help"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => cli::misconfigured(&[USAGE.to_owned()]),
    }
}

#[derive(Clone, Copy)]
enum Act {
    Pause,
    Resume,
}

/// Changes one consumer when asked to, and lists them all.
#[expect(clippy::print_stdout, reason = "a list for people and pipes")]
fn manage(act: Option<(&str, Act)>) -> ExitCode {
    let settings = match Settings::of(Process::Worker) {
        Ok(settings) => settings,
        Err(problems) => return cli::misconfigured(&problems),
    };
    cli::run(async move {
        let client = connector(&settings.postgres)?.connect().await?;
        let found = match act {
            None => true,
            Some((name, Act::Pause)) => consumers::pause(&client, name).await?,
            Some((name, Act::Resume)) => consumers::resume(&client, name).await?,
        };
        for consumer in consumers::list(&client).await? {
            let error = consumer.last_error.map(|error| format!("  {error}")).unwrap_or_default();
            let (name, status, at) = (consumer.name, consumer.status.as_str(), consumer.at);
            println!("{name:24} {status:8} tx {} position {}{error}", at.tx, at.position);
        }
        match act {
            Some((name, _)) if !found => Err(format!("there is no consumer called {name}").into()),
            Some(_) | None => Ok::<(), application::BoxError>(()),
        }
    })
}

fn run() -> ExitCode {
    let settings = match Settings::of(Process::Worker) {
        Ok(settings) => settings,
        Err(problems) => return cli::misconfigured(&problems),
    };
    cli::run(async move {
        let stop = cli::stop_signal();
        let node = Node::new(&settings).await?;
        if let Err(error) = node.ready(&stop).await {
            // To be stopped while waiting for the database is no failure.
            return if stop.is_cancelled() { Ok(()) } else { Err(error) };
        }
        let workers = Workers::start(&node, &settings);
        tracing::info!("worker runs");
        tracing::info!("application successfully started");
        stop.cancelled().await;
        workers.end().await;
        node.signals.close().await;
        Ok::<(), ComposeError>(())
    })
}
