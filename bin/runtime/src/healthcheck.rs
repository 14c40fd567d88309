//! `healthcheck`: asks this container's own surface. For images without a shell.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// Below the 5 s that a container's health check is given.
const ANSWER_MAX: Duration = Duration::from_secs(4);
const REQUEST: &str = "GET /graphql?query=%7Bhealth%7D HTTP/1.1\r\nhost: localhost\r\n\
     accept: application/json\r\nconnection: close\r\n\r\n";

/// Success when the surface on `port` says `ok`.
pub(crate) fn healthcheck(port: u16) -> ExitCode {
    if answers(port).unwrap_or(false) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn answers(port: u16) -> std::io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.write_all(REQUEST.as_bytes())?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200") && answer.contains("\"health\":\"ok\""))
}
