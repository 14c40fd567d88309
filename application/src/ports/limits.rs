//! How often somebody may ask, and how long a guesser of passwords has to wait: counted for all
//! nodes together. Keys are keyed hashes, so that no store learns whom they stand for.

use std::time::Duration;

use async_trait::async_trait;
use domain::BlindIndex;
use thiserror::Error;

/// At most `most` requests in any `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub most: u32,
    /// In how long a time, wherever one begins to look.
    pub window: Duration,
}

/// What wrong attempts cost: some are free, then each one doubles the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wrong attempt that is followed by a wait.
    pub from: u32,
    /// How long the first wait is.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// Wrong attempts are forgotten this long after the last of them.
    pub forget: Duration,
}

impl Backoff {
    /// How long to wait after so many wrong attempts in a row.
    pub fn after(&self, wrong: u32) -> Duration {
        let Some(doublings) = wrong.checked_sub(self.from) else { return Duration::ZERO };
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        self.first.checked_mul(factor).unwrap_or(self.longest).min(self.longest)
    }
}

/// Not now: ask again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many requests, please try again later")]
pub struct Wait(pub Duration);

/// Counts requests. Where the shared store is away, each node counts alone.
#[async_trait]
pub trait RateLimits: Send + Sync + 'static {
    /// Counts `count` requests of whom `key` stands for: all of them, or none and says how long to
    /// wait. More than the limit in one go never pass.
    async fn admit(&self, key: &BlindIndex, count: u32, limit: Limit) -> Result<(), Wait>;
}

/// Slows down who guesses. Where the shared store is away, each node remembers alone.
#[async_trait]
pub trait Lockouts: Send + Sync + 'static {
    /// Whether an attempt on `key` may be made now.
    async fn may_try(&self, key: &BlindIndex) -> Result<(), Wait>;
    /// Records what became of an attempt. A right one is forgiven all before it; a wrong one may
    /// make the next ones wait. While one has to wait, no outcome counts, and none is told: of many
    /// guesses at the same time no more are judged than of guesses one after the other.
    async fn settle(&self, key: &BlindIndex, right: bool, backoff: Backoff) -> Result<(), Wait>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_the_fifth_wrong_attempt_up_to_the_longest() {
        let backoff = Backoff {
            from: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_mins(15),
            forget: Duration::from_hours(1),
        };
        let waits = [0, 1, 4, 5, 6, 7, 14, 15, 40, u32::MAX].map(|wrong| backoff.after(wrong).as_secs());
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 512, 900, 900, 900]);
    }
}
