//! Instances, signals, and waiting for something to become true.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use adapter_redis::{RedisSettings, RedisSignals};
use application::ports::{Change, Cursor, ReadModel, Signal, Signals};
use domain::Timestamp;
use fred::{clients::Client, interfaces::ClientLike, types::config::Config};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

/// The longest anything may take to work again.
pub(crate) const RECOVERY_MAX: Duration = Duration::from_secs(30);

/// The Redis of the test run.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where Redis is")]
pub(crate) fn shared_url() -> String {
    std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL is missing: run cargo xtask test")
}

/// A channel no other test uses.
pub(crate) fn channel() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test:{}:{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An instance, connected or not.
pub(crate) async fn start(url: &str, channel: &str) -> Arc<RedisSignals> {
    let (url, channel) = (url.to_owned(), channel.to_owned());
    RedisSignals::connect(RedisSettings { url, ca_file: None, channel }).await.unwrap()
}

/// An instance whose connections stand.
pub(crate) async fn started(url: &str, channel: &str) -> Arc<RedisSignals> {
    let signals = start(url, channel).await;
    until("connected", || signals.connected()).await;
    signals
}

/// A plain connection, to do to Redis what operators do.
pub(crate) async fn plain(url: &str) -> Client {
    let client = Client::new(Config::from_url(url).unwrap(), None, None, None);
    client.init().await.unwrap();
    client
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < RECOVERY_MAX, "not {what} after {RECOVERY_MAX:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A hint that can be told from others.
pub(crate) fn signal(model: &str, position: i64) -> Signal {
    let cursor = Cursor { tx: 1, position };
    let change = Change {
        topic: "todo/a/b".to_owned(),
        cursor,
        previous: Cursor { tx: 1, position: position - 1 },
        id: Uuid::from_u128(7),
        event_type: "todo.created".to_owned(),
        at: Timestamp::from_timestamp(1_800_000_000, 0).unwrap(),
        trace: None,
    };
    Signal::Projected { model: model.to_owned(), reached: cursor, changes: vec![change] }
}

pub(crate) fn numbered(position: i64) -> Signal {
    signal(ReadModel::TodoList.name(), position)
}

/// The next hint; fails when there is none for a long time.
pub(crate) async fn next(receiver: &mut Receiver<Signal>) -> Signal {
    timeout(RECOVERY_MAX, receiver.recv()).await.expect("a signal in time").unwrap()
}

/// Reads until `last` comes; answers how many came, and whether the receiver itself fell behind.
pub(crate) async fn count_until(receiver: &mut Receiver<Signal>, last: &Signal) -> (usize, bool) {
    let (mut count, mut lagged) = (0, false);
    loop {
        match timeout(RECOVERY_MAX, receiver.recv()).await.expect("the last signal in time") {
            Ok(signal) if signal == *last => return (count, lagged),
            Ok(_) => count += 1,
            Err(RecvError::Lagged(_)) => lagged = true,
            Err(RecvError::Closed) => panic!("the channel ended"),
        }
    }
}

/// Publishes `signal` now and then until `to` has it: what was under way in an outage may be lost.
pub(crate) async fn gets_through(from: &RedisSignals, to: &RedisSignals, signal: &Signal) {
    let mut receiver = to.subscribe();
    let start = Instant::now();
    loop {
        from.publish(signal.clone()).await;
        let wait = timeout(Duration::from_millis(200), async {
            while receiver.recv().await.as_ref() != Ok(signal) {}
        });
        if wait.await.is_ok() {
            return;
        }
        assert!(start.elapsed() < RECOVERY_MAX, "no signal got through in {RECOVERY_MAX:?}");
    }
}
