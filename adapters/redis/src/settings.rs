//! Where Redis is, and how its connections behave.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use application::BoxError;
use fred::types::{
    RespVersion,
    config::{Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig, UnresponsiveConfig},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use socket2::TcpKeepalive;
use thiserror::Error;

/// The longest a new connection may take, TLS included.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// The longest a command may take.
pub(crate) const COMMAND_WAIT: Duration = Duration::from_secs(5);
/// A connection that owes an answer for this long is given up. With the heartbeat before it and
/// the interval after it, a half-open connection is found within 15 seconds.
const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(8);
const UNRESPONSIVE_INTERVAL: Duration = Duration::from_secs(2);
/// When the kernel begins to ask whether an idle peer is there, and how often.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// The first pause before connecting again, the longest one, and what chance adds, in milliseconds.
const RECONNECT_MIN_MS: u32 = 50;
const RECONNECT_MAX_MS: u32 = 5_000;
const RECONNECT_JITTER_MS: u32 = 50;
/// How many messages may wait between the socket and us; more are a gap.
const INBOX_MESSAGES_MAX: usize = 512;

/// Where Redis is.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://` or, with TLS, `rediss://`; may hold a user, a password and a database number.
    pub url: String,
    /// PEM of the authorities that sign the server's certificate. With it, only they are
    /// trusted; without it, those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// The channel all processes of one deployment share.
    pub channel: String,
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        f.debug_struct("RedisSettings").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// Settings that can never work. That Redis is away is none of these.
#[derive(Debug, Error)]
pub enum SignalError {
    /// Not a URL of Redis. The URL is not shown: it may hold a password.
    #[error("the Redis URL is malformed: it must be redis://host:port or rediss://host:port")]
    Url,
    /// The file of authorities cannot be read.
    #[error("the file of certificate authorities for Redis cannot be read")]
    Authorities(#[source] BoxError),
    /// There is no authority to trust.
    #[error("there are no certificate authorities to check the Redis server against")]
    NoAuthorities,
    /// The TLS library or the client refuses to start.
    #[error("the Redis client cannot be made")]
    Client(#[source] BoxError),
}

/// What both clients are made of. Reads files: to be called off the async threads.
pub(crate) fn config(settings: &RedisSettings) -> Result<Config, SignalError> {
    // The library takes clusters and sentinels by other schemes; they are not ours.
    let tls = match settings.url.split_once("://") {
        Some(("redis", _)) => false,
        Some(("rediss", _)) => true,
        Some(_) | None => return Err(SignalError::Url),
    };
    // TLS is set below from our own authorities, so the library need not load its own.
    let plain = settings.url.replacen("rediss://", "redis://", 1);
    let mut config = Config::from_url(&plain).map_err(|_| SignalError::Url)?;
    config.tls = if tls { Some(tls_config(settings)?.into()) } else { None };
    // Heartbeats on a connection that subscribes need the newer protocol.
    config.version = RespVersion::RESP3;
    config.fail_fast = false;
    Ok(config)
}

/// Endless, with pauses that double.
pub(crate) fn reconnect_policy() -> ReconnectPolicy {
    const ENDLESS: u32 = 0;
    const FACTOR: u32 = 2;
    let mut policy = ReconnectPolicy::new_exponential(ENDLESS, RECONNECT_MIN_MS, RECONNECT_MAX_MS, FACTOR);
    policy.set_jitter(RECONNECT_JITTER_MS);
    policy
}

pub(crate) fn connection() -> ConnectionConfig {
    ConnectionConfig {
        connection_timeout: CONNECT_WAIT,
        internal_command_timeout: COMMAND_WAIT,
        // Sending again is decided by us.
        max_command_attempts: 1,
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(UNRESPONSIVE_AFTER),
            interval: UNRESPONSIVE_INTERVAL,
        },
        reconnect_on_auth_error: true,
        tcp: TcpConfig {
            nodelay: Some(true),
            keepalive: Some(TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL)),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    }
}

pub(crate) fn performance() -> PerformanceConfig {
    PerformanceConfig { default_command_timeout: COMMAND_WAIT, ..PerformanceConfig::default() }
}

/// As [`performance`], with room for bursts of messages.
pub(crate) fn inbox() -> PerformanceConfig {
    PerformanceConfig { broadcast_channel_capacity: INBOX_MESSAGES_MAX, ..performance() }
}

fn tls_config(settings: &RedisSettings) -> Result<fred::types::config::TlsConnector, SignalError> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &settings.ca_file {
        let unreadable = |error: rustls::pki_types::pem::Error| SignalError::Authorities(error.into());
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            let added = roots.add(certificate.map_err(unreadable)?);
            added.map_err(|error| SignalError::Authorities(error.into()))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(SignalError::NoAuthorities);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| SignalError::Client(error.into()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth().into())
}
