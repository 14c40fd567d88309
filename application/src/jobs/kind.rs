//! What a kind of job is, and how patient its queue is.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A kind of job: its payload.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `queue:kind`, as it is stored and logged.
    const NAME: &'static str;
    /// Where it waits.
    const QUEUE: Queue;
}

/// How often, how soon and how long the jobs of a queue are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// The first part of its jobs' names.
    pub name: &'static str,
    /// Tries before a job is a dead letter.
    pub tries: i16,
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest one try takes; then it has failed.
    pub run_max: Duration,
}

impl Queue {
    /// The longest pause, whatever the number of tries.
    const PAUSE_MAX: Duration = Duration::from_hours(1);

    /// How long to wait after the failure of this try, from 1.
    pub fn pause_after(&self, attempt: i16) -> Duration {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        self.first_pause.checked_mul(factor).map_or(Self::PAUSE_MAX, |pause| pause.min(Self::PAUSE_MAX))
    }
}

/// A job about to be put into the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its kind.
    pub name: &'static str,
    /// The payload as JSON.
    pub payload: Value,
    /// Tries before it is a dead letter.
    pub tries: i16,
    /// Names its cause: while a job of that key waits, there is no second one.
    pub key: String,
}

impl NewJob {
    /// `job`, caused by what `cause` names.
    pub fn of<J: Job>(job: &J, cause: &str) -> Result<Self, serde_json::Error> {
        Ok(Self {
            name: J::NAME,
            payload: serde_json::to_value(job)?,
            tries: J::QUEUE.tries,
            key: Self::key_of(J::NAME, cause),
        })
    }

    /// The key of the job of that name with that cause.
    pub fn key_of(name: &str, cause: &str) -> String {
        format!("{name}:{cause}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: Queue = Queue {
        name: "email",
        tries: 3,
        first_pause: Duration::from_secs(5),
        run_max: Duration::from_mins(1),
    };

    #[test]
    fn each_pause_is_twice_the_one_before_and_never_longer_than_an_hour() {
        let pauses: Vec<u64> = (1..=4).map(|attempt| QUEUE.pause_after(attempt).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40]);
        assert_eq!(QUEUE.pause_after(i16::MAX), Duration::from_hours(1));
        assert_eq!(QUEUE.pause_after(0), Duration::from_secs(5), "a try that was not counted waits as well");
    }
}
