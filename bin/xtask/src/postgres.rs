//! A private Postgres: its own data folder, a free port on loopback, passwords for everybody.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    account::Account,
    dotenv::write_private,
    environment,
    pid::{self, Recorded, STOP_POSTGRES},
    ports, process, random, signals, steps,
    tools::PostgresTools,
    workspace,
};

/// The name of its folder, pid file and log.
pub(crate) const NAME: &str = "postgres";
pub(crate) const SUPERUSER: &str = "postgres";

const START_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
/// After a crash the old server's children need a moment to let go of its memory, and a free port
/// may be taken between choosing and using it.
const START_TRIES: usize = 8;
const RETRY_PAUSE: Duration = Duration::from_secs(1);
const OWNER_ONLY: u32 = 0o700;

/// How a server is to be run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) password: &'a str,
    /// `name=value` settings beyond our own.
    pub(crate) settings: &'a [&'a str],
}

/// A server that accepts connections.
#[derive(Debug)]
pub(crate) struct Postgres {
    tools: PostgresTools,
    password: String,
    port: u16,
}

impl Postgres {
    /// Make the data folder if there is none, and start the server.
    pub(crate) fn start(tools: &PostgresTools, plan: &Plan<'_>) -> Result<Self> {
        let account = Account::for_postgres()?;
        let home = home(plan.folder, account.as_ref())?;
        let data = home.join("data");
        if !data.join("PG_VERSION").exists() {
            initialise(tools, &home, plan.password, account.as_ref())?;
        }
        for tries_left in (0..START_TRIES).rev() {
            let port = ports::any_free()?;
            match launch(tools, plan, &data, port, account.as_ref()) {
                Ok(()) => {
                    let password = plan.password.to_owned();
                    return Ok(Self { tools: tools.clone(), password, port });
                }
                Err(error) if tries_left == 0 => return Err(error),
                Err(_) => signals::check()?,
            }
            thread::sleep(RETRY_PAUSE);
        }
        bail!("PostgreSQL was not started")
    }

    /// The superuser's address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, &self.password, database)
    }

    pub(crate) fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Run SQL as superuser. It goes in through standard input, because a command line with
    /// passwords would be readable by everybody on the machine.
    pub(crate) fn sql(&self, database: &str, script: &str) -> Result<String> {
        let mut command = client(self.tools.program("psql"));
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-w"])
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-U", SUPERUSER, "-d", database, "-f", "-"])
            .env("PGPASSWORD", &self.password)
            // Running the same script again is normal, and its notices would only worry people.
            .env("PGOPTIONS", "-c client_min_messages=warning");
        let (status, output) = process::capture(&mut command, script)?;
        ensure!(status.success(), "psql failed on database {database} (its message is above)");
        Ok(output)
    }
}

/// The major version that made the data in this folder.
pub(crate) fn made_by(folder: &Path) -> Option<u32> {
    let version = fs::read_to_string(folder.join(NAME).join("data/PG_VERSION")).ok()?;
    version.trim().parse().ok()
}

/// Delete the data, also where it had to be kept outside of the checkout.
pub(crate) fn delete(folder: &Path) -> Result<()> {
    let link = folder.join(NAME);
    let Ok(target) = fs::read_link(&link) else {
        return Ok(());
    };
    // Only a folder of our own making is deleted through the link.
    let outside = outside(folder);
    if target.starts_with(&outside) && outside.exists() {
        fs::remove_dir_all(&outside).with_context(|| format!("could not delete {}", outside.display()))?;
        steps::note(&format!("deleted {}", outside.display()));
    }
    fs::remove_file(&link).with_context(|| format!("could not delete {}", link.display()))
}

/// A program of Postgres without the person's own `PG…` settings, which mean another server.
fn client(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    let theirs = environment::names().into_iter().filter(|name| name.starts_with("PG"));
    theirs.for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// The folder of the server's files, usable by the account it runs as.
fn home(folder: &Path, account: Option<&Account>) -> Result<PathBuf> {
    let home = folder.join(NAME);
    let create = |path: &Path| {
        fs::create_dir_all(path)
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY)))
            .with_context(|| format!("could not create {}", path.display()))
    };
    if home.is_symlink() {
        let target = fs::read_link(&home)?;
        create(&target)?;
        if let Some(account) = account {
            account.give(&target)?;
        }
        return Ok(target);
    }
    create(&home)?;
    let Some(account) = account else {
        return Ok(home);
    };
    account.give(&home)?;
    if account.can_use(&home) {
        return Ok(home);
    }
    // A parent, such as root's own home, is closed to the account: keep the data elsewhere.
    let target = outside(folder).join(NAME);
    create(&target)?;
    account.give(&target)?;
    if let Some(parent) = target.parent() {
        account.give(parent)?;
    }
    ensure!(account.can_use(&target), "{} cannot be used by {}", target.display(), account.name);
    fs::remove_dir_all(&home).with_context(|| format!("could not move {}", home.display()))?;
    symlink(&target, &home).with_context(|| format!("could not link {}", home.display()))?;
    steps::note(&format!("data is kept in {} (linked)", target.display()));
    Ok(target)
}

/// A folder every account reaches, with a name that no other checkout has.
fn outside(folder: &Path) -> PathBuf {
    let root = workspace::root().display().to_string();
    let mut name = random::sha256(root.as_bytes());
    name.truncate(16);
    let kind = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    PathBuf::from(format!("/var/tmp/enterprise-todo-{name}-{kind}"))
}

/// `initdb` into a folder beside, then renamed: an interrupted one is never taken for a whole.
fn initialise(tools: &PostgresTools, home: &Path, password: &str, account: Option<&Account>) -> Result<()> {
    let unfinished = home.join("data.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).context("could not delete an unfinished data folder")?;
    }
    let password_file = home.join("password");
    write_private(&password_file, password.as_bytes())?;
    let mut command = client(tools.program("initdb"));
    command
        .arg("-D")
        .arg(&unfinished)
        .args(["-U", SUPERUSER, "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("--no-instructions")
        .current_dir("/")
        .env("LC_ALL", "C");
    if let Some(account) = account {
        account.give(&password_file)?;
        account.apply(&mut command);
    }
    let outcome = process::run_quietly(&mut command);
    fs::remove_file(&password_file).context("could not delete the password file")?;
    outcome?;
    fs::rename(&unfinished, home.join("data")).context("could not name the data folder")
}

fn launch(
    tools: &PostgresTools,
    plan: &Plan<'_>,
    data: &Path,
    port: u16,
    account: Option<&Account>,
) -> Result<()> {
    let log = plan.folder.join("postgres.log");
    let mut command = client(tools.program("postgres"));
    command
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string()])
        // No socket file: its path could be longer than the system allows.
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .args(plan.settings.iter().flat_map(|setting| ["-c", setting]))
        .current_dir("/")
        .env("LC_ALL", "C");
    if let Some(account) = account {
        account.apply(&mut command);
    }
    let mut child = process::spawn_server(&mut command, &log)?;
    let outcome = Recorded::write(&pid::file(plan.folder, NAME), child.id())
        .and_then(|_| accepts_connections(tools, port, &mut child));
    if outcome.is_err() {
        pid::stop_named(plan.folder, NAME, STOP_POSTGRES)?;
    }
    outcome.with_context(|| {
        format!("PostgreSQL did not start; the end of {}:\n{}", log.display(), process::tail(&log))
    })
}

fn accepts_connections(tools: &PostgresTools, port: u16, child: &mut Child) -> Result<()> {
    let begun = Instant::now();
    loop {
        let is_ready = client(tools.program("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status()
            .is_ok_and(|status| status.success());
        if let Some(status) = child.try_wait()? {
            bail!("the server ended ({status})");
        }
        if is_ready {
            return Ok(());
        }
        ensure!(begun.elapsed() < START_LIMIT, "no answer within {}", steps::elapsed(START_LIMIT));
        signals::check()?;
        thread::sleep(POLL);
    }
}
