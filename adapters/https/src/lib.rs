//! HTTP/1.1 as a client: in the clear, or over TLS that is always verified. For the few who ask others:
//! what sends traces, and what looks at a running system before it goes live.
#![deny(missing_docs)]

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// The longest a connection takes to stand, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A connection that takes one request after the other.
pub type Sender = SendRequest<Full<Bytes>>;

/// Why nobody can be trusted.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The authority's file cannot be used.
    #[error("{} cannot be read: {cause}", .path.display())]
    Authority {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// There is no authority to trust.
    #[error("there are no certificate authorities to trust")]
    Nobody,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// Whose certificates count.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Those that the authorities in a PEM file signed; without one, those of the system's. Reads files.
    pub fn of(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = ca_file {
            let broken = |cause: String| TrustError::Authority { path: path.to_owned(), cause };
            let all = CertificateDer::pem_file_iter(path).map_err(|error| broken(error.to_string()))?;
            for certificate in all {
                let certificate = certificate.map_err(|error| broken(error.to_string()))?;
                roots.add(certificate).map_err(|error| broken(error.to_string()))?;
            }
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if roots.is_empty() {
            return Err(TrustError::Nobody);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }
}

/// Connects to a host: over TLS when somebody is trusted, else in the clear.
pub async fn open(host: &str, port: u16, trust: Option<&Trust>) -> io::Result<Sender> {
    let opening = async {
        let socket = TcpStream::connect((host, port)).await?;
        // Requests are small and whole: there is nothing to wait for.
        let _ = socket.set_nodelay(true);
        let Some(Trust(config)) = trust else { return speak(socket).await };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        speak(TlsConnector::from(Arc::clone(config)).connect(name, socket).await?).await
    };
    timeout(CONNECT_MAX, opening).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn speak(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<Sender> {
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
    // It ends with the sender, or with the other side; what goes wrong is told to the request.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
