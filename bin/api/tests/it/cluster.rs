//! A `PostgreSQL` server of a test's own, just made: its transactions are counted from the beginning.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{
    database::Database,
    environment::told,
    process::{self, Process},
    service::free_port,
    wait::until,
};

/// It listens on loopback only, for as long as a test runs.
const PASSWORD: &str = "cluster7Secret";
/// Who may run a server where tests run as root, which a server refuses.
const ACCOUNTS: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The server; it ends with the test, and its data with it.
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    process: Process,
}

impl Cluster {
    /// One with nothing in it.
    pub(crate) async fn fresh() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("enterprise-todo-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // The temporary folder, because the server's account reaches it.
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let (account, data, password) = (account(), folder.join("data"), folder.join("password"));
        fs::write(&password, PASSWORD).unwrap();
        for path in [&folder, &password] {
            give(path, account);
        }
        let mut command = server_program("initdb", account);
        command.arg("-D").arg(&data).arg("--pwfile").arg(&password);
        command.args(["-U", "postgres", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]);
        let made = process::run(command).await;
        assert!(made.status.success(), "{made:?}");
        let port = free_port();
        let mut command = server_program("postgres", account);
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]);
        let cluster = Self { folder, port, process: Process::start(command) };
        let url = cluster.url("postgres");
        until("the server's answer", async || {
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_ok()
        })
        .await;
        cluster
    }

    /// A new database in it.
    pub(crate) async fn database(&self, name: &str) -> Database {
        let server = Database { url: self.url("postgres"), name: "postgres".to_owned() };
        server.open().await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Database { url: self.url(name), name: name.to_owned() }
    }

    fn url(&self, name: &str) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.process.kill();
        // Its children end by themselves, and may write once more: what stays is in a temporary folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn server_program(name: &str, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(Path::new(&told("TEST_PG_BIN_DIR")).join(name));
    command.env_clear().env("PATH", told("PATH")).env("LC_ALL", "C").current_dir("/");
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

fn give(path: &Path, account: Option<(u32, u32)>) {
    if let Some((user, group)) = account {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// Whom to step down to, when we are root.
fn account() -> Option<(u32, u32)> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let found = ACCOUNTS.iter().find_map(|name| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map_while(|number| number.parse().ok());
        numbers.next().zip(numbers.next())
    });
    Some(found.expect("there is somebody to step down to"))
}
