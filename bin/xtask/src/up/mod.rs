//! `cargo xtask up`, `down`, `reset`: the whole system on this machine, from one command.

mod bring_up;
mod credentials;
mod down;
mod follow;
mod service;
mod summary;

use std::{fs, path::PathBuf, thread, time::Duration};

use anyhow::{Context, Result};

pub(crate) use self::down::{down, reset};
use self::{bring_up::bring_up, service::SERVICES, summary::Summary};
use crate::{
    args::Args,
    dotenv::Dotenv,
    environment,
    failure::{Exit, GENERAL_FAILURE},
    lock::Lock,
    pid::{self, Recorded},
    postgres, redis, servers, signals, steps,
    workspace::{self, Profile},
};

/// A build from nothing on a slow machine still ends within this.
const START_LIMIT: Duration = Duration::from_hours(1);
const STOP_LIMIT: Duration = Duration::from_mins(2);
const SECOND_LOOK: Duration = Duration::from_millis(200);
/// The pid file of a foreground `up` itself.
const SELF: &str = "up";

/// Where everything of `up` is kept.
#[derive(Debug, Clone)]
pub(crate) struct State {
    folder: PathBuf,
}

impl State {
    pub(crate) fn of_this_checkout() -> Self {
        Self { folder: workspace::state("dev") }
    }

    /// Addresses and credentials for scripts; there while the system runs.
    pub(crate) fn settings(&self) -> Dotenv {
        Dotenv::read(&self.settings_file())
    }

    fn settings_file(&self) -> PathBuf {
        self.folder.join("env")
    }

    fn lock_file(&self) -> PathBuf {
        // Beside the folder: `reset` deletes the folder while it holds the lock.
        self.folder.with_extension("lock")
    }

    /// Looked at twice: a process that was just killed is still listed for a moment.
    fn is_settled(&self) -> bool {
        self.is_running() && {
            thread::sleep(SECOND_LOOK);
            self.is_running()
        }
    }

    /// Whether the system is wholly there.
    fn is_running(&self) -> bool {
        let is_alive = |name: &str| Recorded::alive(&pid::file(&self.folder, name)).is_some();
        let is_private = |name: &str| pid::file(&self.folder, name).exists();
        let servers = [postgres::NAME, redis::NAME];
        let all_alive = SERVICES.iter().all(|service| is_alive(service.name))
            && servers.iter().all(|name| is_alive(name) || !is_private(name));
        all_alive && self.settings().get("API_URL").is_some()
    }
}

/// What the person wishes, and what the environment decides.
#[derive(Debug, Clone)]
struct Wishes {
    profile: Profile,
    database_url: Option<String>,
    redis_url: Option<String>,
}

pub(crate) fn up(mut args: Args) -> Result<()> {
    let is_detached = args.flag("--detach");
    let is_release = args.flag("--release");
    args.finish()?;
    let wishes = Wishes {
        profile: if is_release { Profile::Release } else { Profile::Dev },
        database_url: environment::variable("DATABASE_URL"),
        redis_url: environment::variable("REDIS_URL"),
    };
    signals::listen()?;
    let state = State::of_this_checkout();
    let Some(lock) = take_turn(&state)? else {
        return Ok(());
    };
    let services = match bring_up(&state, &wishes) {
        Ok(services) => services,
        Err(error) => {
            steps::note("stopping what was started");
            stop(&state)?;
            return Err(error);
        }
    };
    Summary::of(&state).print();
    drop(lock);
    if is_detached {
        remove_own_mark(&state)?;
        say!("Running in the background; stop it: cargo xtask down");
        return Ok(());
    }
    say!("The services' logs follow; stop everything: Ctrl-C\n");
    let died = follow::until_stopped(&state, services);
    say!("\nStopping");
    let lock = Lock::take_for_stopping(&state.lock_file(), STOP_LIMIT)?;
    let outcome = stop(&state);
    drop(lock);
    outcome?;
    match died? {
        None => Ok(()),
        Some(why) => Err(Exit::with(GENERAL_FAILURE, why)),
    }
}

/// The lock and a clean start; nothing when the system already runs, which is then shown again.
fn take_turn(state: &State) -> Result<Option<Lock>> {
    let mut lock = Lock::take(&state.lock_file(), START_LIMIT)?;
    if state.is_settled() {
        say!("Enterprise Todo already runs; nothing is started twice.");
        Summary::of(state).print();
        return Ok(None);
    }
    if Recorded::alive(&pid::file(&state.folder, SELF)).is_some() {
        // Its services are gone, or it is about to stop: it needs the lock to finish.
        drop(lock);
        steps::note("an earlier `up` is incomplete; stopping it first");
        down::end_foreground(state)?;
        lock = Lock::take(&state.lock_file(), STOP_LIMIT)?;
    }
    fs::create_dir_all(&state.folder)
        .with_context(|| format!("could not create {}", state.folder.display()))?;
    let leftovers = servers::stop_all(&state.folder)?;
    if !leftovers.is_empty() {
        steps::note(&format!("stopped what an earlier run left: {}", leftovers.join(", ")));
    }
    Recorded::write(&pid::file(&state.folder, SELF), std::process::id())?;
    Ok(Some(lock))
}

/// Stop everything and take back the addresses, which are no longer true.
fn stop(state: &State) -> Result<()> {
    let stopped = servers::stop_all(&state.folder)?;
    let settings = state.settings_file();
    if settings.exists() {
        fs::remove_file(&settings).with_context(|| format!("could not remove {}", settings.display()))?;
    }
    for name in &stopped {
        steps::note(&format!("{name} stopped"));
    }
    remove_own_mark(state)
}

/// Ours only: a `down` in another terminal must not find a mark of somebody else gone.
fn remove_own_mark(state: &State) -> Result<()> {
    let mark = pid::file(&state.folder, SELF);
    let is_ours = Recorded::alive(&mark).is_none_or(|recorded| recorded.pid == std::process::id());
    if is_ours && mark.exists() {
        fs::remove_file(&mark).with_context(|| format!("could not remove {}", mark.display()))?;
    }
    Ok(())
}
