//! The task that sends.

use std::time::Duration;

use application::{BoxError, meter, trace::Finished};
use bytes::Bytes;
use tokio::{
    sync::mpsc::Receiver,
    task::JoinHandle,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    connection::{Answer, Connection},
    request::{rejected, request},
    settings::{OtlpSettings, SettingsError},
};

/// How often a request is tried.
const ATTEMPTS_MAX: u32 = 3;
/// The pause before the second try; it doubles.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest an end waits for what is still to be sent.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// Sends spans until it is closed.
pub struct Exporter {
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Sends what comes out of the queue from now on. It fails on settings that can never work, and on
    /// nothing else: a collector that is away is waited for.
    pub fn start(settings: OtlpSettings, spans: Receiver<Finished>) -> Result<Self, SettingsError> {
        let closing = CancellationToken::new();
        let sender = Sender {
            every: settings.every,
            batch: settings.batch.max(1),
            resource: settings.resource.clone(),
            connection: Connection::new(settings)?,
            away: false,
            closing: closing.clone(),
        };
        Ok(Self { closing, task: tokio::spawn(sender.run(spans)) })
    }

    /// Sends what is there, once and for two seconds at most, and ends.
    pub async fn close(self) {
        self.closing.cancel();
        let Self { mut task, .. } = self;
        if timeout(CLOSE_MAX, &mut task).await.is_err() {
            task.abort();
        }
    }
}

struct Sender {
    every: Duration,
    batch: usize,
    resource: Vec<(String, String)>,
    connection: Connection,
    /// Whether the last try failed: said once, and once that it is over.
    away: bool,
    closing: CancellationToken,
}

impl Sender {
    async fn run(mut self, mut spans: Receiver<Finished>) {
        let mut batch = Vec::with_capacity(self.batch);
        while !self.closing.is_cancelled() {
            let whole = gather(&mut spans, &mut batch, self.batch, self.every);
            tokio::select! {
                () = whole => {}
                () = self.closing.cancelled() => {}
            }
            self.send(&batch).await;
            batch.clear();
        }
        // Spans of the end: those of requests that were finished, of consumers that stopped.
        while let Ok(span) = spans.try_recv() {
            batch.push(span);
            if batch.len() == self.batch {
                self.send(&batch).await;
                batch.clear();
            }
        }
        self.send(&batch).await;
    }

    async fn send(&mut self, batch: &[Finished]) {
        if batch.is_empty() {
            return;
        }
        let body = Bytes::from(request(&self.resource, batch));
        let all = batch.len() as u64;
        let lost = match self.bring(&body).await {
            Ok(answer) => {
                let lost = rejected(&answer).min(all);
                if lost > 0 {
                    tracing::warn!(spans = lost, "the collector took no part of some spans");
                }
                if std::mem::take(&mut self.away) {
                    tracing::info!("traces are sent again");
                }
                lost
            }
            Err(error) => {
                if !std::mem::replace(&mut self.away, true) {
                    tracing::warn!(error, "traces cannot be sent; spans are lost until they can");
                }
                all
            }
        };
        meter::TRACE_SPANS.add(all - lost, ["sent"]);
        meter::TRACE_SPANS.add(lost, ["lost"]);
    }

    /// Tries a few times what may yet succeed; at the end there is time for one try only.
    async fn bring(&mut self, body: &Bytes) -> Result<Bytes, BoxError> {
        let mut pause = RETRY_FIRST;
        for attempt in 1.. {
            let (error, wanted) = match self.connection.bring(body.clone()).await {
                Ok(Answer::Taken(answer)) => return Ok(answer),
                Ok(Answer::Refused(status)) => return Err(format!("the collector says {status}").into()),
                Ok(Answer::Later(status, wanted)) => {
                    (BoxError::from(format!("the collector says {status}")), wanted)
                }
                Err(error) => (error, None),
            };
            if attempt == ATTEMPTS_MAX || self.closing.is_cancelled() {
                return Err(error);
            }
            // Others wait for another time: nobody needs all of them at once when it is back.
            let rest = wanted.unwrap_or_else(|| pause.mul_f32(0.5 + fastrand::f32()));
            tokio::select! {
                () = sleep(rest) => {}
                () = self.closing.cancelled() => {}
            }
            pause *= 2;
        }
        Err("it was never tried".into())
    }
}

/// Waits until a batch is whole: when it is full, or when its first span has waited for long enough.
/// What was gathered stays when it is cut off.
async fn gather(spans: &mut Receiver<Finished>, batch: &mut Vec<Finished>, most: usize, every: Duration) {
    spans.recv_many(batch, most).await;
    let until = Instant::now() + every;
    while batch.len() < most {
        let room = most - batch.len();
        match timeout_at(until, spans.recv_many(batch, room)).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}
