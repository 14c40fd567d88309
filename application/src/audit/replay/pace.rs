//! When an event is due: as far from the first one as it was then, divided by the speed.

use std::time::Duration;

use domain::Timestamp;
use tokio::time::Instant;

/// The slowest speed: a hundredth of what happened.
pub const SPEED_MIN: f64 = 0.01;
/// The fastest speed that is still kept; faster is as fast as possible.
pub const SPEED_MAX: f64 = 1_000_000.0;

/// A speed, and the moment at which it began.
#[derive(Debug)]
pub(super) struct Pace {
    speed: Option<f64>,
    begun: Option<(Instant, Timestamp)>,
}

impl Pace {
    /// As fast as possible without a speed; `None` for one that cannot be kept.
    pub(super) fn of(speed: Option<f64>) -> Option<Self> {
        // What is no number is in no range.
        let sane = speed.is_none_or(|speed| (SPEED_MIN..=SPEED_MAX).contains(&speed));
        sane.then_some(Self { speed, begun: None })
    }

    /// How long to wait from now for an event of that time. The first one is due at once.
    pub(super) fn wait(&mut self, now: Instant, recorded_at: Timestamp) -> Duration {
        let Some(speed) = self.speed else { return Duration::ZERO };
        let (begun, first) = *self.begun.get_or_insert((now, recorded_at));
        played(first, recorded_at, speed).saturating_sub(now.saturating_duration_since(begun))
    }

    /// How long it takes to play from one time to another; `None` as fast as possible.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> Option<Duration> {
        self.speed.map(|speed| played(from, to, speed))
    }

    /// Whether it plays as fast as it can.
    pub(super) fn is_fastest(&self) -> bool {
        self.speed.is_none()
    }
}

/// Times may run backwards: transactions overlap, and clocks are set.
fn played(from: Timestamp, to: Timestamp, speed: f64) -> Duration {
    let then = (to - from).to_std().unwrap_or_default();
    Duration::try_from_secs_f64(then.as_secs_f64() / speed).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("a time")
    }

    #[test]
    fn a_speed_that_cannot_be_kept_is_none() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, SPEED_MIN / 2.0, SPEED_MAX * 2.0] {
            assert!(Pace::of(Some(speed)).is_none(), "{speed}");
        }
        for speed in [None, Some(SPEED_MIN), Some(1.0), Some(SPEED_MAX)] {
            assert!(Pace::of(speed).is_some(), "{speed:?}");
        }
    }

    #[test]
    fn events_keep_their_distance_divided_by_the_speed() {
        let (mut pace, now) = (Pace::of(Some(10.0)).expect("a speed"), Instant::now());
        assert_eq!(pace.wait(now, at(0)), Duration::ZERO, "the first one is due at once");
        assert_eq!(pace.wait(now, at(60)), Duration::from_secs(6));
        let later = now + Duration::from_secs(4);
        assert_eq!(pace.wait(later, at(60)), Duration::from_secs(2));
        assert_eq!(pace.wait(later, at(30)), Duration::ZERO, "what is overdue does not wait");
        assert_eq!(pace.wait(later, at(-60)), Duration::ZERO, "times may run backwards");
        assert_eq!(pace.between(at(0), at(600)), Some(Duration::from_mins(1)));
    }

    #[test]
    fn without_a_speed_nothing_waits_and_the_longest_wait_is_no_overflow() {
        let (mut fastest, now) = (Pace::of(None).expect("a speed"), Instant::now());
        assert_eq!(
            (fastest.wait(now, at(0)), fastest.wait(now, at(1_000_000))),
            (Duration::ZERO, Duration::ZERO)
        );
        let mut slowest = Pace::of(Some(SPEED_MIN)).expect("a speed");
        slowest.wait(now, Timestamp::MIN_UTC);
        assert!(slowest.wait(now, Timestamp::MAX_UTC) > Duration::from_secs(1));
    }
}
