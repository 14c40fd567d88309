//! The accept loop: slow clients, crowds, both versions of HTTP, and the end.

use std::time::{Duration, Instant};

use adapter_web::ServeLimits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::fixture::{production, surface, surface_with};

const SOON: Duration = Duration::from_secs(5);

fn impatient() -> ServeLimits {
    ServeLimits { head_wait: Duration::from_millis(300), ..ServeLimits::default() }
}

/// Reads until the server closes, and says how long it took.
async fn until_closed(socket: &mut TcpStream) -> Duration {
    let (started, mut rest) = (Instant::now(), Vec::new());
    let _ = timeout(SOON, socket.read_to_end(&mut rest)).await.expect("closed in time");
    started.elapsed()
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_off() {
    let surface = surface_with(production(), impatient()).await;
    let mut silent = TcpStream::connect(surface.address).await.expect("connects");
    assert!(until_closed(&mut silent).await < Duration::from_secs(2));

    let mut trickle = TcpStream::connect(surface.address).await.expect("connects");
    let started = Instant::now();
    while trickle.write_all(b"G").await.is_ok() && started.elapsed() < SOON {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_connection_may_rest_between_requests_but_not_inside_one() {
    let surface = surface_with(production(), impatient()).await;
    let mut socket = TcpStream::connect(surface.address).await.expect("connects");
    let request = b"GET /graphql?query=%7Bhealth%7D HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..2 {
        socket.write_all(request).await.expect("writes");
        let mut buffer = vec![0; 4096];
        let read = timeout(SOON, socket.read(&mut buffer)).await.expect("answered").expect("reads");
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
        sleep(Duration::from_millis(600)).await;
    }
    socket.write_all(b"GET /gra").await.expect("writes");
    assert!(until_closed(&mut socket).await < Duration::from_secs(2));
}

#[tokio::test]
async fn an_upgrade_that_is_refused_does_not_free_a_connection_of_its_limits() {
    let surface = surface_with(production(), impatient()).await;
    let mut socket = TcpStream::connect(surface.address).await.expect("connects");
    socket
        .write_all(b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: nonsense\r\nConnection: upgrade\r\n\r\n")
        .await
        .expect("writes");
    let mut buffer = vec![0; 4096];
    let read = timeout(SOON, socket.read(&mut buffer)).await.expect("answered").expect("reads");
    assert!(buffer[..read].starts_with(b"HTTP/1.1 400"));
    socket.write_all(b"GET /gra").await.expect("writes");
    assert!(until_closed(&mut socket).await < Duration::from_secs(2));
}

#[tokio::test]
async fn a_crowd_is_turned_away_at_the_door() {
    let limits = ServeLimits { connections: 2, ..ServeLimits::default() };
    let surface = surface_with(production(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(TcpStream::connect(surface.address).await.expect("connects"));
    }
    sleep(Duration::from_millis(100)).await;
    let mut extra = TcpStream::connect(surface.address).await.expect("connects");
    assert!(until_closed(&mut extra).await < Duration::from_secs(1));
    held.clear();
    sleep(Duration::from_millis(200)).await;
    assert_eq!(surface.post("{health}", &[]).await.status, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let surface = surface().await;
    let request = format!(
        "GET /graphql?query=%7Bhealth%7D HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Big: {}\r\n\r\n",
        "x".repeat(80 * 1024)
    );
    assert_eq!(surface.send(request.as_bytes()).await.status, 431);
}

#[tokio::test]
async fn http2_is_spoken() {
    let surface = surface().await;
    let mut socket = TcpStream::connect(surface.address).await.expect("connects");
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("writes");
    let mut frame = [0; 9];
    timeout(SOON, socket.read_exact(&mut frame)).await.expect("answered").expect("reads");
    assert_eq!(frame[3], 4, "a SETTINGS frame");
}

#[tokio::test]
async fn a_shutdown_finishes_what_was_begun() {
    let surface = surface().await;
    let mut socket = TcpStream::connect(surface.address).await.expect("connects");
    socket.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{").await.expect("writes");
    sleep(Duration::from_millis(100)).await;
    surface.shutdown.cancel();
    sleep(Duration::from_millis(100)).await;
    socket.write_all(br#""query":"{health}"}"#).await.expect("writes");
    let mut answer = Vec::new();
    timeout(SOON, socket.read_to_end(&mut answer)).await.expect("answered").expect("reads");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    timeout(SOON, surface.running).await.expect("ends").expect("no panic").expect("no error");
    assert!(TcpStream::connect(surface.address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let limits = ServeLimits { shutdown_wait: Duration::from_millis(200), ..ServeLimits::default() };
    let surface = surface_with(production(), limits).await;
    let mut socket = TcpStream::connect(surface.address).await.expect("connects");
    socket.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{").await.expect("writes");
    sleep(Duration::from_millis(100)).await;
    surface.shutdown.cancel();
    timeout(SOON, surface.running).await.expect("ends").expect("no panic").expect("no error");
    assert!(until_closed(&mut socket).await < Duration::from_secs(1));
}
