//! A collector of traces on a port of its own: it speaks OTLP over HTTP, decodes what it is given, and
//! goes wrong where a test wants it to.

mod messages;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

pub use self::messages::SeenSpan;
use self::messages::{ExportRequest, ExportResponse, PartialSuccess};
use crate::pki::for_localhost;

/// What the collector does with what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// Takes it.
    Take,
    /// Takes it, and says that it took no part of so many spans.
    Reject(i64),
    /// Answers with this status.
    Say(u16),
    /// Says that it is busy, and for how many seconds.
    Busy(u64),
    /// Never answers.
    Stall,
    /// Hangs up in place of an answer.
    HangUp,
}

/// One request as it came.
#[derive(Debug, Clone)]
struct Received {
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Debug, Default)]
struct Desk {
    conduct: Option<Conduct>,
    tries: usize,
    taken: Vec<Received>,
}

/// A collector that runs until it is dropped.
pub struct Collector {
    address: SocketAddr,
    scheme: &'static str,
    certificate: String,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl Collector {
    /// In the clear.
    pub async fn start() -> Self {
        Self::listen(None, String::new()).await
    }

    /// With TLS, and a certificate for `localhost` of its own.
    pub async fn encrypted() -> Self {
        let (tls, certificate) = for_localhost();
        Self::listen(Some(tls), certificate).await
    }

    async fn listen(tls: Option<TlsAcceptor>, certificate: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let desk: Arc<Mutex<Desk>> = Arc::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(accept(listener, Arc::clone(&desk), tls));
        Self { address, scheme, certificate, desk, task }
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// Its certificate in a file, as an authority's.
    pub fn authority(&self) -> PathBuf {
        let name = format!("collector-{}-{}.crt", std::process::id(), self.address.port());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, &self.certificate).expect("the temporary folder can be written");
        path
    }

    /// Does this from now on.
    pub fn behave(&self, conduct: Conduct) {
        self.look(|desk| desk.conduct = Some(conduct));
    }

    /// How many requests came, whatever became of them.
    pub fn tries(&self) -> usize {
        self.look(|desk| desk.tries)
    }

    /// All spans that it took, in the order in which they came.
    pub fn spans(&self) -> Vec<SeenSpan> {
        let bodies = self.bodies();
        let requests =
            bodies.iter().map(|body| ExportRequest::decode(body.clone()).expect("a request of OTLP"));
        requests.flat_map(ExportRequest::spans).collect()
    }

    /// All bytes that it took.
    pub fn bodies(&self) -> Vec<Bytes> {
        self.look(|desk| desk.taken.iter().map(|received| received.body.clone()).collect())
    }

    /// A header of the last request that it took.
    pub fn header(&self, name: &str) -> Option<String> {
        self.look(|desk| {
            let value = desk.taken.last()?.headers.get(name)?;
            Some(value.to_str().expect("text").to_owned())
        })
    }

    fn look<T>(&self, at: impl FnOnce(&mut Desk) -> T) -> T {
        at(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, desk: Arc<Mutex<Desk>>, tls: Option<TlsAcceptor>) {
    // They go when the listener's task does.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let (desk, tls) = (Arc::clone(&desk), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve(socket, desk).await,
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        serve(socket, desk).await;
                    }
                }
            }
        });
    }
}

async fn serve(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, desk: Arc<Mutex<Desk>>) {
    let answering = service_fn(move |request| answer(request, Arc::clone(&desk)));
    // A client that goes away is its own business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), answering).await;
}

async fn answer(
    request: Request<Incoming>,
    desk: Arc<Mutex<Desk>>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    assert_eq!((&head.method, head.uri.path()), (&Method::POST, "/v1/traces"));
    assert_eq!(head.headers["content-type"], "application/x-protobuf");
    let conduct = {
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.tries += 1;
        let conduct = desk.conduct.unwrap_or(Conduct::Take);
        if matches!(conduct, Conduct::Take | Conduct::Reject(_)) {
            desk.taken.push(Received { headers: head.headers, body });
        }
        conduct
    };
    let said = |status: u16, body: Vec<u8>| {
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        response
    };
    match conduct {
        Conduct::Take => Ok(said(200, ExportResponse::default().encode_to_vec())),
        Conduct::Reject(rejected_spans) => {
            let partial = PartialSuccess { rejected_spans, error_message: "not today".to_owned() };
            Ok(said(200, ExportResponse { partial_success: Some(partial) }.encode_to_vec()))
        }
        Conduct::Say(status) => Ok(said(status, Vec::new())),
        Conduct::Busy(seconds) => {
            let mut response = said(503, Vec::new());
            response.headers_mut().insert("retry-after", seconds.into());
            Ok(response)
        }
        Conduct::Stall => match std::future::pending::<Infallible>().await {},
        Conduct::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}
