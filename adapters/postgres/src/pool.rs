//! Connections: one pool for our own statements, one for queries, a small one for postgres-es,
//! sessions for leases.

use std::{error::Error, fmt, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use deadpool_postgres::{
    ConfigConnectImpl, Connect, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_postgres::{
    Client, Config, NoTls,
    error::{DbError, SqlState},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::readers::TenantReaders;

/// The role the services work under: it can append events, and never change them.
pub const SERVICE_ROLE: &str = "enterprise_todo_service";

/// Connections a core: more only make them wait for each other.
const CONNECTIONS_PER_CORE: usize = 8;
/// Connections of the pool that postgres-es loads through.
const LOAD_CONNECTIONS_MAX: u32 = 4;
/// Connections of a pool beside the others.
const BESIDE_CONNECTIONS_MAX: usize = 2;
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request waits for a free connection.
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(5);
/// A dead peer is noticed within this.
const TCP_DEAD_AFTER: Duration = Duration::from_secs(20);
/// How often the file of the password is looked at for the pool that cannot do so itself.
const PASSWORD_LOOK: Duration = Duration::from_secs(2);
pub(crate) const SESSION: &str = "SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '15s'; \
     SET lock_timeout = '10s'; SET default_transaction_isolation = 'read committed'; SET jit = off;";

/// Whether and how the server is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain text: development.
    Off,
    /// Certificate and host name are verified, against a private authority or the system's.
    VerifyFull {
        /// PEM file of a private authority.
        ca_file: Option<PathBuf>,
    },
}

/// Where the database is and who we are there.
#[derive(Clone)]
pub struct PgSettings {
    /// Host, port, user, password, database. `Debug` does not show it.
    pub config: Config,
    /// Whether and how the server is verified.
    pub tls: Tls,
    /// The role to work under.
    pub role: Option<&'static str>,
    /// Where the password is read anew for each connection: for passwords that change while we run.
    pub password_file: Option<PathBuf>,
}

impl fmt::Debug for PgSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgSettings").field("tls", &self.tls).field("role", &self.role).finish_non_exhaustive()
    }
}

impl PgSettings {
    /// Where to connect, with the password of this moment. A file that cannot be read just now leaves
    /// the one before; the server then says what it thinks of it.
    async fn current(&self) -> Config {
        let mut config = self.config.clone();
        if let Some(file) = &self.password_file {
            match tokio::fs::read_to_string(file).await {
                Ok(password) => {
                    config.password(password.trim_end());
                }
                Err(error) => tracing::warn!(%error, "the file of the database's password cannot be read"),
            }
        }
        config
    }
}

/// Why there are no connections.
#[derive(Debug, Error)]
pub enum PoolError {
    /// The authority's file cannot be used.
    #[error("the certificate authority in {path} cannot be read: {cause}")]
    Authority {
        /// Which file.
        path: String,
        /// Why.
        cause: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The pool cannot be built.
    #[error("the connection pool cannot be built: {0}")]
    Build(#[from] deadpool_postgres::BuildError),
    /// The server does not take us.
    #[error("cannot connect to the database")]
    Connect(#[source] tokio_postgres::Error),
    /// The settings are not for one database.
    #[error("the database settings are incomplete: {0}")]
    Settings(&'static str),
}

/// Whether no connection opens because the role of services is not there: the migrator, which makes
/// it, never ran on that server.
pub fn lacks_role(error: &(dyn Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut said = causes.filter_map(|cause| cause.downcast_ref::<DbError>());
    said.any(|db| db.code() == &SqlState::INVALID_PARAMETER_VALUE && db.message().contains(SERVICE_ROLE))
}

/// Opens single connections, TLS included.
#[derive(Clone)]
pub struct Connector {
    settings: PgSettings,
    tls: Option<MakeRustlsConnect>,
}

/// A connector for these settings.
pub fn connector(settings: &PgSettings) -> Result<Connector, PoolError> {
    let mut settings = settings.clone();
    settings
        .config
        .application_name("enterprise-todo")
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(10))
        .tcp_user_timeout(TCP_DEAD_AFTER);
    let tls = match &settings.tls {
        Tls::Off => None,
        Tls::VerifyFull { ca_file } => {
            settings.config.ssl_mode(tokio_postgres::config::SslMode::Require);
            Some(MakeRustlsConnect::new(client_config(ca_file.as_ref())?))
        }
    };
    Ok(Connector { settings, tls })
}

impl Connector {
    /// One connection of its own, under the services' role. It ends when the client is dropped.
    pub async fn connect(&self) -> Result<Client, PoolError> {
        let client = match self.tls.clone() {
            None => self.open(NoTls).await,
            Some(tls) => self.open(tls).await,
        }
        .map_err(PoolError::Connect)?;
        client.batch_execute(&session(self.settings.role)).await.map_err(PoolError::Connect)?;
        Ok(client)
    }

    async fn open<T>(&self, tls: T) -> Result<Client, tokio_postgres::Error>
    where
        T: tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket> + Send,
        T::Stream: Send + 'static,
    {
        let (client, connection) = self.settings.current().await.connect(tls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a database connection ended");
            }
        });
        Ok(client)
    }

    /// The host, for the log.
    pub fn host(&self) -> String {
        use tokio_postgres::config::Host;
        match self.settings.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        }
    }
}

/// The pools of a process.
#[derive(Clone)]
pub struct PgPools {
    /// For our own statements.
    pub pool: Pool,
    /// For queries, of one tenant at a time.
    pub readers: TenantReaders,
    /// For postgres-es, which loads streams through sqlx.
    pub loads: sqlx::PgPool,
    /// For sessions that hold locks.
    pub connector: Connector,
}

impl PgPools {
    /// Pools that connect when they are first used.
    pub fn new(settings: &PgSettings) -> Result<Self, PoolError> {
        let connector = connector(settings)?;
        let pool = pool(&connector, connections_max())?;
        let readers = TenantReaders::new(&connector)?;
        Ok(Self { pool, readers, loads: load_pool(&connector.settings)?, connector })
    }

    /// A small pool beside them, for those who read much and must not take connections from requests.
    pub fn beside(&self) -> Result<Pool, PoolError> {
        pool(&self.connector, BESIDE_CONNECTIONS_MAX)
    }
}

/// At most so many connections for our own statements.
fn pool(connector: &Connector, most: usize) -> Result<Pool, PoolError> {
    let start = session(connector.settings.role);
    let pool = Pool::builder(manager(connector))
        .max_size(most)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .post_create(Hook::async_fn(move |client, _| {
            let start = start.clone();
            Box::pin(async move { client.batch_execute(&start).await.map_err(HookError::Backend) })
        }))
        .build()?;
    Ok(pool)
}

/// Makes connections for a pool.
pub(crate) fn manager(connector: &Connector) -> Manager {
    let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Manager::from_connect(connector.settings.config.clone(), Pooled(connector.clone()), manager_config)
}

/// Connects for a pool with the settings of the moment, and not with those of the pool's beginning.
struct Pooled(Connector);

impl Connect for Pooled {
    fn connect(&self, _: &Config) -> Connecting<'_> {
        Box::pin(async move {
            let config = self.0.settings.current().await;
            match self.0.tls.clone() {
                None => ConfigConnectImpl { tls: NoTls }.connect(&config).await,
                Some(tls) => ConfigConnectImpl { tls }.connect(&config).await,
            }
        })
    }
}

type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>>;

/// A pool of a few connections under the services' role, for one purpose. `then` is what each of them
/// does first.
pub(crate) fn small(connector: &Connector, connections: usize, then: &str) -> Result<Pool, PoolError> {
    let start: Arc<str> = format!("{} {then}", session(connector.settings.role)).into();
    let pool = Pool::builder(manager(connector))
        .max_size(connections)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .post_create(Hook::async_fn(move |client, _| {
            let start = Arc::clone(&start);
            Box::pin(async move { client.batch_execute(&start).await.map_err(HookError::Backend) })
        }))
        .build()?;
    Ok(pool)
}

/// The most connections of a pool.
pub(crate) fn connections_max() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    cores * CONNECTIONS_PER_CORE
}

fn session(role: Option<&str>) -> String {
    match role {
        Some(role) => format!("SET ROLE {role}; {SESSION}"),
        None => SESSION.to_owned(),
    }
}

/// What sqlx needs to know to connect with these settings.
pub fn sqlx_options(settings: &PgSettings) -> Result<PgConnectOptions, PoolError> {
    use tokio_postgres::config::Host;
    let config = &settings.config;
    let mut options = PgConnectOptions::new_without_pgpass()
        .port(config.get_ports().first().copied().unwrap_or(5432))
        .username(config.get_user().ok_or(PoolError::Settings("no user"))?)
        .database(config.get_dbname().ok_or(PoolError::Settings("no database name"))?);
    options = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => options.host(host),
        Some(Host::Unix(path)) => options.socket(path),
        None => options.host("localhost"),
    };
    if let Some(password) = config.get_password() {
        options = options.password(&String::from_utf8_lossy(password));
    }
    Ok(match &settings.tls {
        Tls::Off => options.ssl_mode(PgSslMode::Disable),
        // Left alone, sqlx trusts a list of its own and not the system's authorities.
        Tls::VerifyFull { ca_file: None } => {
            options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(system_authorities())
        }
        Tls::VerifyFull { ca_file: Some(file) } => {
            options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file)
        }
    })
}

/// The authorities that the operating system trusts, in PEM.
fn system_authorities() -> Vec<u8> {
    let found = rustls_native_certs::load_native_certs().certs;
    let blocks: Vec<_> =
        found.iter().map(|certificate| pem::Pem::new("CERTIFICATE", certificate.to_vec())).collect();
    pem::encode_many(&blocks).into_bytes()
}

fn load_pool(settings: &PgSettings) -> Result<sqlx::PgPool, PoolError> {
    let options = sqlx_options(settings)?.application_name("enterprise-todo loads");
    let start: Arc<str> = session(settings.role).into();
    let pool = PgPoolOptions::new()
        .max_connections(LOAD_CONNECTIONS_MAX)
        .acquire_timeout(WAIT_TIMEOUT)
        .after_connect(move |connection, _| {
            let start = Arc::clone(&start);
            Box::pin(async move {
                use sqlx::Executor;
                connection.execute(sqlx::raw_sql(&start)).await.map(|_| ())
            })
        })
        .connect_lazy_with(options.clone());
    if settings.password_file.is_some() {
        tokio::spawn(follow_password(settings.clone(), options, pool.clone()));
    }
    Ok(pool)
}

/// sqlx keeps the options it was given, so it is told when the password is another.
async fn follow_password(settings: PgSettings, options: PgConnectOptions, pool: sqlx::PgPool) {
    while !pool.is_closed() {
        let config = settings.current().await;
        let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
        pool.set_connect_options(options.clone().password(&password));
        tokio::time::sleep(PASSWORD_LOOK).await;
    }
}

fn client_config(ca_file: Option<&PathBuf>) -> Result<ClientConfig, PoolError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let broken = |cause: String| PoolError::Authority { path: path.display().to_string(), cause };
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|error| broken(error.to_string()))?
            {
                let certificate = certificate.map_err(|error| broken(error.to_string()))?;
                roots.add(certificate).map_err(|error| broken(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
