//! A Redis of the test's own, to be stopped and started.

use std::{
    net::{Ipv4Addr, TcpStream},
    process::Command,
};

use crate::{process::Process, service::free_port, wait::until};

/// A server on one port.
pub(crate) struct Redis {
    port: u16,
    process: Option<Process>,
}

impl Redis {
    /// A port, and nobody there.
    pub(crate) fn absent() -> Self {
        Self { port: free_port(), process: None }
    }

    pub(crate) async fn running() -> Self {
        let mut redis = Self::absent();
        redis.start().await;
        redis
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        self.process = Some(Process::start(command));
        until("Redis", async || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()).await;
    }

    /// As a power failure would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }
}
