//! 32 connections that ask again as soon as they are answered.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use crate::{
    http::Connection,
    processes::Process,
    rounds::{figure, milliseconds, percentile},
};

pub(crate) const CONNECTIONS: usize = 32;

/// What the connections ask, by the number of the connection and of the request.
pub(crate) trait Ask: Clone + Send + 'static {
    fn request(&self, connection: usize, number: usize) -> Vec<u8>;
    /// With what each good answer's body begins.
    fn begins(&self) -> &'static [u8];
}

/// What one round showed.
#[derive(Debug)]
pub(crate) struct Load {
    /// Seconds of the server's CPU for 1,000 requests.
    pub(crate) cpu: f64,
    /// Requests a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

/// Asks for `time`, after a moment of warming up that does not count.
pub(crate) async fn run(
    process: &Process,
    ask: &impl Ask,
    warm_up: Duration,
    time: Duration,
) -> Result<Load> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push((Connection::open(process.port).await?, 0));
    }
    let (connections, _) = flood(connections, ask, warm_up).await?;
    let (cpu, started) = (process.cpu()?, Instant::now());
    let (_, mut times) = flood(connections, ask, time).await?;
    let (cpu, seconds) = (process.cpu()? - cpu, started.elapsed().as_secs_f64());
    let requests = figure(times.len());
    Ok(Load {
        cpu: cpu / requests * 1e3,
        rate: requests / seconds,
        p50: percentile(&mut times, 50),
        p99: percentile(&mut times, 99),
    })
}

/// A connection and the number of its next request.
type Numbered = (Connection, usize);

async fn flood(
    connections: Vec<Numbered>,
    ask: &impl Ask,
    time: Duration,
) -> Result<(Vec<Numbered>, Vec<f64>)> {
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for (index, (mut connection, mut number)) in connections.into_iter().enumerate() {
        let ask = ask.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let request = ask.request(index, number);
                let sent = Instant::now();
                let answer = connection.send(&request).await?;
                times.push(milliseconds(sent.elapsed()));
                let good = answer.status == 200 && answer.body.starts_with(ask.begins());
                ensure!(
                    good,
                    "answered with {} {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)])
                );
                number += 1;
            }
            Ok((connection, number, times))
        });
    }
    let (mut connections, mut all) = (Vec::new(), Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (connection, number, times) = done.context("a connection panicked")??;
        connections.push((connection, number));
        all.extend(times);
    }
    Ok((connections, all))
}
