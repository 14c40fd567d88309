//! `PostgreSQL` and Redis as in production: TLS only, with certificates of a private authority, and a
//! database owner who is no superuser.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpStream},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use testkit::Authority;

use crate::{environment::told, process::Process, reaper, service::free_port, wait::until};

pub(crate) const OWNER: &str = "etadmin";
pub(crate) const DATABASE: &str = "enterprise_todo";
pub(crate) const PASSWORD: &str = "Owner0Password1Of2Thirty3Two4Abc";

/// Who may connect: over TLS with a password, and the test itself through a file.
const ACCESS: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// An empty folder that other accounts reach. It goes with the server.
fn folder(kind: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("et-{kind}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
}

/// The account that servers step down to when we are root.
fn account() -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = passwd.lines().find(|line| is_root && line.starts_with("postgres:"))?;
    let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
    Some((ids.next()??, ids.next()??))
}

/// Gives a file to the account, readable by nobody else.
fn hand_over(path: &Path) {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if let Some((uid, gid)) = account() {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}

/// A server on `localhost` that takes nothing but TLS.
pub(crate) struct SecurePostgres {
    pub(crate) port: u16,
    folder: PathBuf,
    process: Option<Process>,
}

impl SecurePostgres {
    /// A server with an empty database and its owner.
    pub(crate) async fn start(authority: &Authority) -> Self {
        let mut server = Self { port: free_port(), folder: folder("pg"), process: None };
        hand_over(&server.folder);
        let data = server.folder.join("data");
        let arguments = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        let status = server.command("initdb").arg("-D").arg(&data).args(arguments).status().unwrap();
        assert!(status.success());
        fs::write(data.join("pg_hba.conf"), ACCESS).unwrap();
        server.certify(authority, &["localhost"]);
        server.run().await;
        server.sql("postgres", &format!("CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{PASSWORD}'"));
        server.sql("postgres", &format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"));
        server
    }

    /// A program of `PostgreSQL` under the account that may run it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(PathBuf::from(told("TEST_PG_BIN_DIR")).join(program));
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        command.stderr(log);
        if let Some((uid, gid)) = account() {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives it a certificate; it is used from the next start or reload on.
    pub(crate) fn certify(&self, authority: &Authority, names: &[&str]) {
        let own = authority.issue(names, &self.folder);
        hand_over(&own.certificate);
        hand_over(&own.key);
    }

    async fn run(&mut self) {
        let setting = |name: &str, value: &str| ["-c".to_owned(), format!("{name}={value}")];
        let file = |name: &str| self.folder.join(name).display().to_string();
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.folder.join("data")).args(["-p", &self.port.to_string()]);
        command.args(setting("listen_addresses", "127.0.0.1"));
        command.args(setting("unix_socket_directories", &self.folder.display().to_string()));
        command.args(setting("ssl", "on")).args(setting("fsync", "off"));
        command.args(setting("ssl_cert_file", &file("server.crt")));
        command.args(setting("ssl_key_file", &file("server.key")));
        self.process = Some(Process::start(command));
        until("PostgreSQL with TLS", async || self.answers("SELECT 1")).await;
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        let mut command = self.command("psql");
        command.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string(), "-U", "postgres"]);
        command.args(["-Atqc", sql, database]).stdout(Stdio::piped());
        command.output().unwrap()
    }

    fn answers(&self, sql: &str) -> bool {
        self.psql("postgres", sql).status.success()
    }

    /// Runs a statement as the superuser, past TLS; gives its first column.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database, sql);
        assert!(output.status.success(), "{sql}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Takes the certificate and the authority anew, and ends every connection that has the old one.
    pub(crate) fn reload(&self) {
        self.sql("postgres", "SELECT pg_reload_conf()");
        self.hang_up();
    }

    /// Ends all connections of the services.
    pub(crate) fn hang_up(&self) {
        self.sql(
            "postgres",
            &format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{OWNER}'"
            ),
        );
    }

    /// How many of the services' connections there are, and how many of them are encrypted.
    pub(crate) fn connections(&self) -> (i64, i64) {
        let sql = format!(
            "SELECT count(*) || ' ' || count(*) FILTER (WHERE ssl) FROM pg_stat_ssl \
             JOIN pg_stat_activity USING (pid) WHERE usename = '{OWNER}'"
        );
        let counts = self.sql("postgres", &sql);
        let (all, encrypted) = counts.split_once(' ').unwrap();
        (all.parse().unwrap(), encrypted.parse().unwrap())
    }
}

impl Drop for SecurePostgres {
    fn drop(&mut self) {
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A Redis on `localhost` that takes nothing but TLS.
pub(crate) struct SecureRedis {
    pub(crate) port: u16,
    folder: PathBuf,
    process: Option<Process>,
}

impl SecureRedis {
    pub(crate) async fn start(authority: &Authority) -> Self {
        let mut redis = Self { port: free_port(), folder: folder("redis"), process: None };
        redis.restart(authority, &["localhost"]).await;
        redis
    }

    /// Stops it, gives it another certificate, and starts it.
    pub(crate) async fn restart(&mut self, authority: &Authority, names: &[&str]) {
        self.process = None;
        let own = authority.issue(names, &self.folder);
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--tls-port", &port, "--tls-auth-clients", "no"]);
        command.arg("--tls-cert-file").arg(own.certificate).arg("--tls-key-file").arg(own.key);
        command.arg("--dir").arg(&self.folder);
        self.process = Some(Process::start(command));
        until("Redis with TLS", async || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()).await;
    }
}

impl Drop for SecureRedis {
    fn drop(&mut self) {
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Authorities' certificates in a file, as `DB_CA_FILE` and the system's list are.
pub(crate) fn trust(authorities: &[&Authority]) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("authorities-{}.crt", NEXT.fetch_add(1, Ordering::Relaxed));
    let path = reaper::folder().join(name);
    fs::write(&path, authorities.iter().map(|authority| authority.pem()).collect::<String>()).unwrap();
    path.display().to_string()
}
