//! One connection: HTTP/1.1 or HTTP/2, and upgrades.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{StatusCode, header::UPGRADE, uri::Scheme};
use hyper::{
    body::{Body, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use poem::{
    Addr, Endpoint, IntoResponse, Request,
    web::{LocalAddr, RemoteAddr},
};
use tokio::net::TcpStream;

use super::{
    Going, ServeLimits,
    guard::{Guarded, Pace, Reading},
};

/// The largest request head of HTTP/1.1, in bytes; a document of 16 KiB fits into a query string.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The largest header list of HTTP/2, in bytes.
const HEADER_LIST_BYTES_MAX: u32 = 64 * 1024;
/// The most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// How many reset streams may wait before the connection is closed (rapid reset).
const RESET_STREAMS_MAX: usize = 20;
/// How many streams we may have to reset for a peer's errors before the connection is closed.
const ERROR_STREAMS_MAX: usize = 100;
/// What one HTTP/2 stream may have in flight towards us, in bytes.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What one HTTP/2 connection may have in flight towards us, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What we hold back for an HTTP/2 stream whose peer does not read, in bytes.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// How often an HTTP/2 peer is pinged, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);

/// Serves a connection until it ends, gracefully when the server goes away.
pub(super) async fn run<E: Endpoint + 'static>(
    socket: TcpStream,
    peer: SocketAddr,
    endpoint: Arc<E>,
    limits: ServeLimits,
    going: Going,
) {
    let local = LocalAddr(socket.local_addr().map_or_else(|_| Addr::default(), Addr::from));
    let remote = RemoteAddr(Addr::from(peer));
    let pace = Arc::new(Pace::new());
    let io = TokioIo::new(Guarded::new(socket, limits.head_wait, Arc::clone(&pace)));
    let away = going.clone();
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        let with_body = !request.body().is_end_stream();
        let in_flight = Reading::new(pace.begin(request.version()));
        request.extensions_mut().insert(in_flight.clone());
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(going.clone());
        }
        let request = Request::from((request, local.clone(), remote.clone(), Scheme::HTTP));
        let (endpoint, pace) = (Arc::clone(&endpoint), Arc::clone(&pace));
        async move {
            // Spelt out: each future around this one would hold the request once more.
            let answered = E::call(&endpoint, request).await;
            let response = answered.map_or_else(poem::Error::into_response, IntoResponse::into_response);
            pace.answered(with_body && !response.status().is_success());
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                in_flight.upgrade();
            }
            drop(in_flight);
            Ok::<_, Infallible>(http::Response::from(response))
        }
    });
    let builder = builder(limits);
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = away.away() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended badly");
    }
}

fn builder(limits: ServeLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // hyper's limit runs from the end of the request before, so it bounds the idle time; the time
    // a head takes once it has begun is the guard's.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(ERROR_STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}
