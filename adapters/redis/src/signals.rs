//! The port.

use std::{sync::Arc, time::Duration};

use application::ports::{Signal, Signals};
use async_trait::async_trait;
use fred::{
    clients::{Client, SubscriberClient},
    interfaces::{ClientLike, EventInterface},
    types::config::Options,
};
use tokio::{
    sync::{broadcast, watch},
    task,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connection::stay_connected,
    heartbeat::beat,
    listener::{keep_subscribed, listen},
    outbox::Outbox,
    publisher::publish,
    settings::{self, RedisSettings, SignalError},
    shared::Shared,
};

/// The longest a readiness check waits.
const PING_WAIT: Duration = Duration::from_secs(1);
/// The longest each step of closing takes.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// Hints through Redis: one connection to publish, one to listen.
pub struct RedisSignals {
    publisher: Client,
    subscriber: SubscriberClient,
    outbox: Arc<Outbox>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    connections: TaskTracker,
    /// Ends our tasks.
    closing: CancellationToken,
    /// Ends the connections.
    closed: CancellationToken,
}

impl RedisSignals {
    /// Starts to connect, and answers at once. It fails only on settings that can never work.
    pub async fn connect(settings: RedisSettings) -> Result<Arc<Self>, SignalError> {
        let channel = settings.channel.clone();
        let config = task::spawn_blocking(move || settings::config(&settings)).await;
        let config = config.map_err(|error| SignalError::Client(error.into()))??;

        let policy = || Some(settings::reconnect_policy());
        let connection = || Some(settings::connection());
        let publisher = Client::new(config.clone(), Some(settings::performance()), connection(), policy());
        let subscriber = SubscriberClient::new(config, Some(settings::inbox()), connection(), policy());
        let signals = Self {
            publisher,
            subscriber,
            outbox: Arc::default(),
            shared: Arc::new(Shared::new()),
            tasks: TaskTracker::new(),
            connections: TaskTracker::new(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        };
        signals.start(channel);
        Ok(Arc::new(signals))
    }

    /// Counts moments at which hints may have been lost: a burst too large to hold, a sender that
    /// had to drop some, and each time the subscription stands anew, the first time included.
    pub fn gaps(&self) -> watch::Receiver<u64> {
        self.shared.gaps.subscribe()
    }

    /// How many hints of this process were dropped because Redis was away for too long.
    pub fn dropped(&self) -> u64 {
        self.outbox.dropped()
    }

    /// Whether Redis answers within a second.
    pub async fn ping(&self) -> bool {
        // Failing fast: asking again and again must not pile up commands while it is away.
        let options = Options { fail_fast: true, timeout: Some(PING_WAIT), ..Options::default() };
        let client = self.publisher.with_options(&options);
        matches!(timeout(PING_WAIT, client.ping::<String>(None)).await, Ok(Ok(_)))
    }

    /// Sends what still waits, if Redis is there, and ends. It takes three seconds at most.
    pub async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        drop(timeout(CLOSE_WAIT, self.tasks.wait()).await);
        if self.publisher.is_connected() || self.subscriber.is_connected() {
            let quit = async { tokio::join!(self.publisher.quit(), self.subscriber.quit()) };
            drop(timeout(CLOSE_WAIT, quit).await);
        }
        self.closed.cancel();
        self.connections.close();
        drop(timeout(CLOSE_WAIT, self.connections.wait()).await);
    }

    fn start(&self, channel: String) {
        let Self { publisher, subscriber, outbox, shared, tasks, connections, closing, closed } = self;
        // Receivers first: an event before them would be lost.
        let connects = subscriber.reconnect_rx();
        let (client, to) = (subscriber.clone(), channel.clone());
        tasks.spawn(listen(subscriber.clone(), Arc::clone(shared), closing.clone()));
        tasks.spawn(keep_subscribed(client, connects, to, Arc::clone(shared), closing.clone()));
        tasks.spawn(publish(publisher.clone(), channel, Arc::clone(outbox), closing.clone()));
        tasks.spawn(beat(publisher.clone(), closing.clone()));
        tasks.spawn(beat(subscriber.clone(), closing.clone()));
        connections.spawn(stay_connected(publisher.clone(), closed.clone()));
        connections.spawn(stay_connected(subscriber.clone(), closed.clone()));
    }
}

#[async_trait]
impl Signals for RedisSignals {
    async fn publish(&self, signal: Signal) {
        self.outbox.push(signal);
    }

    fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.shared.received.subscribe()
    }

    fn gaps(&self) -> watch::Receiver<u64> {
        Self::gaps(self)
    }

    fn connected(&self) -> bool {
        self.publisher.is_connected() && self.subscriber.is_connected() && self.shared.subscribed()
    }
}

impl Drop for RedisSignals {
    fn drop(&mut self) {
        self.closing.cancel();
        self.closed.cancel();
    }
}
