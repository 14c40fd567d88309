//! How far a replay is, how fast, and how much is left.

use std::time::Duration;

use domain::Timestamp;
use tokio::time::Instant;

/// Up to so many events are counted before a replay; of more, the running numbers tell.
pub const COUNT_EXACT_MAX: u64 = 100_000;
/// Over how long a rate is taken.
const RATE_EVERY: Duration = Duration::from_millis(500);
/// How much the newest measurement counts in a rate.
const RATE_NEWEST: f64 = 0.5;

/// How far a replay is.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayProgress {
    /// The running number of the last event that was looked at.
    pub position: i64,
    /// Events looked at so far, whether they passed the filter or not.
    pub done: u64,
    /// Events from start to end; without an end, to the newest one. Above [`COUNT_EXACT_MAX`] an
    /// estimate from their running numbers.
    pub total: u64,
    /// Of 100.
    pub percent: f64,
    /// Events looked at a second.
    pub rate: f64,
    /// Until the end, or until it has caught up; `None` while nothing tells.
    pub seconds_left: Option<f64>,
    /// Whether it has reached the present: from here on, events come as they happen.
    pub caught_up: bool,
    /// While it waits for its time: when the next event happened.
    pub next_event_at: Option<Timestamp>,
}

/// Counts while a replay goes on.
#[derive(Debug)]
pub(super) struct Gauge {
    begun: Instant,
    done: u64,
    total: u64,
    measured: (Instant, u64),
    rate: Option<f64>,
}

impl Gauge {
    /// Nothing done of a total.
    pub(super) fn new(now: Instant, total: u64) -> Self {
        Self { begun: now, done: 0, total, measured: (now, 0), rate: None }
    }

    /// So many were looked at.
    pub(super) fn reached(&mut self, now: Instant, done: u64) {
        self.done = done;
        self.total = self.total.max(done);
        let (at, before) = self.measured;
        let passed = now.saturating_duration_since(at);
        if passed >= RATE_EVERY {
            let newest = per_second(done.saturating_sub(before), passed);
            self.rate = Some(self.rate.map_or(newest, |rate| rate + RATE_NEWEST * (newest - rate)));
            self.measured = (now, done);
        }
    }

    /// The end has moved: there are so many events now.
    pub(super) fn grown(&mut self, total: u64) {
        self.total = total.max(self.done);
    }

    /// There is nothing left.
    pub(super) fn all_done(&mut self) {
        self.total = self.done;
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Of 100.
    pub(super) fn percent(&self) -> f64 {
        if self.total == 0 { 100.0 } else { (figure(self.done) * 100.0 / figure(self.total)).min(100.0) }
    }

    /// Events a second; before there is a measurement, since the beginning.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        self.rate.unwrap_or_else(|| per_second(self.done, now.saturating_duration_since(self.begun)))
    }

    /// At this rate.
    pub(super) fn seconds_left(&self, now: Instant) -> Option<f64> {
        let (left, rate) = (self.total.saturating_sub(self.done), self.rate(now));
        if left == 0 {
            Some(0.0)
        } else if rate > 0.0 {
            Some(figure(left) / rate)
        } else {
            None
        }
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { figure(count) / seconds } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn figure(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(figure: f64, wanted: f64) -> bool {
        (figure - wanted).abs() < 0.001
    }

    #[test]
    fn a_gauge_tells_how_far_how_fast_and_how_long_still() {
        let begun = Instant::now();
        let mut gauge = Gauge::new(begun, 1_000);
        assert!(about(gauge.percent(), 0.0) && gauge.seconds_left(begun).is_none());
        let now = begun + Duration::from_secs(1);
        gauge.reached(now, 100);
        assert!(about(gauge.percent(), 10.0) && about(gauge.rate(now), 100.0), "{gauge:?}");
        assert!(about(gauge.seconds_left(now).expect("a rate"), 9.0));
        let now = begun + Duration::from_secs(2);
        gauge.reached(now, 400);
        assert!(about(gauge.rate(now), 200.0), "half of it the newest: {gauge:?}");
        assert!(about(gauge.seconds_left(now).expect("a rate"), 3.0));
    }

    #[test]
    fn an_empty_log_is_all_done_and_a_total_is_never_less_than_what_is_done() {
        let now = Instant::now();
        let mut gauge = Gauge::new(now, 0);
        assert!(about(gauge.percent(), 100.0) && gauge.seconds_left(now) == Some(0.0));
        gauge.reached(now, 5);
        assert_eq!((gauge.done(), gauge.total()), (5, 5));
        gauge.grown(10);
        assert!(about(gauge.percent(), 50.0));
        gauge.grown(2);
        assert_eq!(gauge.total(), 5);
        gauge.grown(7);
        gauge.all_done();
        assert!(about(gauge.percent(), 100.0));
    }
}
