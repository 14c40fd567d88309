//! Free TCP ports on this machine.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// How many ports after the wished one are tried.
const TRIES: u16 = 100;
/// A listener on this machine answers at once.
const CONNECT_LIMIT: Duration = Duration::from_millis(200);

/// The wished port, or the next free one.
pub(crate) fn first_free(wished: u16, taken: &[u16]) -> Result<u16> {
    let last = wished.saturating_add(TRIES);
    let free = (wished..=last).find(|port| !taken.contains(port) && is_free(*port));
    match free {
        Some(port) => Ok(port),
        None => bail!("no port between {wished} and {last} is free; stop what listens there"),
    }
}

/// Any free port, chosen by the system.
pub(crate) fn any_free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Free for everybody: on loopback and on all addresses. Binding alone is not proof everywhere,
/// since some systems let a wildcard and a loopback listener share a port.
pub(crate) fn is_free(port: u16) -> bool {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && TcpListener::bind(loopback).is_ok()
        && TcpStream::connect_timeout(&loopback, CONNECT_LIMIT).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_passed_over() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        assert!(first_free(port, &[]).unwrap() > port);
    }

    #[test]
    fn a_port_promised_to_another_service_is_passed_over() {
        let port = any_free().unwrap();
        assert_ne!(first_free(port, &[port]).unwrap(), port);
    }
}
