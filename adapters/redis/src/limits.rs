//! What all nodes count together: requests of strangers, and wrong guesses.
//!
//! One script a decision, by the server's clock: nodes whose clocks differ agree. What Redis
//! decides is repeated in memory, so that a node alone goes on where the count stood.

mod script;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use application::{
    LocalLimits,
    ports::{Backoff, Limit, Lockouts, RateLimits, Wait},
};
use async_trait::async_trait;
use domain::BlindIndex;
use fred::{
    clients::Client,
    interfaces::{ClientLike, LuaInterface},
    types::config::Options,
};
use tokio::{task, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    connection::stay_connected,
    heartbeat::beat,
    settings::{self, RedisSettings, SignalError},
};

/// The longest a decision of Redis is waited for. Passwords that are checked at the same time keep
/// the processors busy: a shorter time would take that for an outage, and let each node count alone.
const DECISION_WAIT: Duration = Duration::from_secs(1);
/// After an answer that did not come, Redis is not asked for this long.
const AWAY_PAUSE: Duration = Duration::from_secs(3);

/// Limits through Redis.
pub struct RedisLimits {
    client: Client,
    /// Before each key: the deployment.
    prefix: String,
    local: LocalLimits,
    started: Instant,
    /// Milliseconds after the start until which Redis is not asked.
    away_until: AtomicU64,
    closed: CancellationToken,
}

impl RedisLimits {
    /// Starts to connect, and answers at once. It fails only on settings that can never work.
    pub async fn connect(settings: RedisSettings) -> Result<Arc<Self>, SignalError> {
        let prefix = settings.channel.clone();
        let config = task::spawn_blocking(move || settings::config(&settings)).await;
        let config = config.map_err(|error| SignalError::Client(error.into()))??;
        let client = Client::new(
            config,
            Some(settings::performance()),
            Some(settings::connection()),
            Some(settings::reconnect_policy()),
        );
        let closed = CancellationToken::new();
        tokio::spawn(stay_connected(client.clone(), closed.clone()));
        tokio::spawn(beat(client.clone(), closed.clone()));
        Ok(Arc::new(Self {
            client,
            prefix,
            local: LocalLimits::default(),
            started: Instant::now(),
            away_until: AtomicU64::new(0),
            closed,
        }))
    }

    /// Whether Redis counts; otherwise this node counts alone.
    pub fn shared(&self) -> bool {
        self.client.is_connected() && self.since_start() >= self.away_until.load(Relaxed)
    }

    /// What Redis says: nothing, or how long to wait. `None` when it does not say.
    async fn decide(
        &self,
        script: &'static str,
        key: String,
        arguments: Vec<i64>,
    ) -> Option<Result<(), Wait>> {
        if !self.shared() {
            return None;
        }
        // Failing fast: while it is away, commands must not pile up inside the client.
        let options = Options {
            fail_fast: true,
            max_attempts: Some(1),
            timeout: Some(DECISION_WAIT),
            ..Options::default()
        };
        let client = self.client.with_options(&options);
        let asked = timeout(DECISION_WAIT, client.eval::<i64, _, _, _>(script, key, arguments)).await;
        match asked {
            Ok(Ok(milliseconds)) => match u64::try_from(milliseconds) {
                Ok(wait) if wait > 0 => Some(Err(Wait(Duration::from_millis(wait)))),
                Ok(_) | Err(_) => Some(Ok(())),
            },
            Ok(Err(error)) => self.went_away(&error),
            Err(elapsed) => self.went_away(&elapsed),
        }
    }

    fn went_away<T>(&self, error: &dyn std::fmt::Display) -> Option<T> {
        tracing::warn!(%error, "Redis does not answer; this node keeps limits alone");
        let pause = u64::try_from(AWAY_PAUSE.as_millis()).unwrap_or(u64::MAX);
        self.away_until.store(self.since_start().saturating_add(pause), Relaxed);
        None
    }

    fn since_start(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn key(&self, kind: &str, key: &BlindIndex) -> String {
        format!("{}:{kind}:{}", self.prefix, key.as_str())
    }
}

#[async_trait]
impl RateLimits for RedisLimits {
    async fn admit(&self, key: &BlindIndex, count: u32, limit: Limit) -> Result<(), Wait> {
        let arguments = vec![milliseconds(limit.window), i64::from(limit.most), i64::from(count)];
        match self.decide(script::ADMIT, self.key("limit", key), arguments).await {
            Some(Ok(())) => {
                // Only to remember: Redis has decided.
                let _ = self.local.admit(key, count, limit).await;
                Ok(())
            }
            Some(refused) => refused,
            None => self.local.admit(key, count, limit).await,
        }
    }
}

#[async_trait]
impl Lockouts for RedisLimits {
    async fn may_try(&self, key: &BlindIndex) -> Result<(), Wait> {
        match self.decide(script::MAY_TRY, self.key("lockout", key), Vec::new()).await {
            Some(decided) => decided,
            None => self.local.may_try(key).await,
        }
    }

    async fn settle(&self, key: &BlindIndex, right: bool, backoff: Backoff) -> Result<(), Wait> {
        let Backoff { from, first, longest, forget } = backoff;
        let arguments = vec![
            i64::from(right),
            i64::from(from),
            milliseconds(first),
            milliseconds(longest),
            milliseconds(forget),
        ];
        match self.decide(script::SETTLE, self.key("lockout", key), arguments).await {
            Some(Ok(())) => {
                // Only to remember: Redis has decided.
                let _ = self.local.settle(key, right, backoff).await;
                Ok(())
            }
            Some(refused) => refused,
            None => self.local.settle(key, right, backoff).await,
        }
    }
}

impl Drop for RedisLimits {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
