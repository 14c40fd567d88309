//! What is counted and measured, in one list, and the handles to do it with.
//!
//! # How to add a metric
//!
//! One line in the list at the end of this file; then, wherever it happens,
//! `meter::SEALED_EVENTS.add(1, [])`. Values of labels come from lists of ours, never from what a
//! client sends: each one is kept for ever. `docs/metrics.md` tells what the numbers mean.
//!
//! The numbers are the process's own: a counter is an atomic addition behind a look-up of its
//! labels, and nothing is written anywhere before somebody asks.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use prometheus::{Gauge as Plain, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, TextEncoder};

use crate::BoxError;

/// Before each name.
pub const PREFIX: &str = "enterprise_todo_";
/// Upper bounds of the buckets, in seconds: from an append to a mail.
const BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// A number that only grows, by the values of `N` labels.
pub struct Counter<const N: usize>(LazyLock<IntCounterVec>);

/// A number that goes up and down, by the values of `N` labels.
pub struct Gauge<const N: usize>(LazyLock<GaugeVec>);

/// Durations in buckets, by the values of `N` labels.
pub struct Histogram<const N: usize>(LazyLock<HistogramVec>);

impl<const N: usize> Counter<N> {
    /// It grew.
    pub fn add(&self, by: u64, labels: [&str; N]) {
        self.0.with_label_values(&labels).inc_by(by);
    }
}

impl<const N: usize> Gauge<N> {
    /// It is.
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 nobody reads the last digit")]
    pub fn count(&self, is: i64, labels: [&str; N]) {
        self.set(is as f64, labels);
    }

    /// It is.
    pub fn set(&self, is: f64, labels: [&str; N]) {
        self.0.with_label_values(&labels).set(is);
    }

    /// Forgets all values: what nobody knows any more is not shown.
    pub fn clear(&self) {
        self.0.reset();
    }
}

impl Gauge<0> {
    /// One more, until what comes back is dropped.
    pub fn one(&self) -> One {
        let gauge = self.0.with_label_values::<&str>(&[]);
        gauge.inc();
        One(gauge)
    }
}

/// One of what a gauge counts, as long as it is kept.
pub struct One(Plain);

impl Drop for One {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl<const N: usize> Histogram<N> {
    /// It took this long.
    pub fn took(&self, time: Duration, labels: [&str; N]) {
        self.0.with_label_values(&labels).observe(time.as_secs_f64());
    }

    /// It took from then till now.
    pub fn since(&self, begun: Instant, labels: [&str; N]) {
        self.took(begun.elapsed(), labels);
    }
}

/// All numbers as Prometheus reads them: text format 0.0.4.
pub fn render() -> Result<String, BoxError> {
    Ok(TextEncoder::new().encode_to_string(&prometheus::gather())?)
}

/// What a kind of metric is made of.
trait Make: Sized {
    fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error>;
}

impl Make for IntCounterVec {
    fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        prometheus::register_int_counter_vec!(Opts::new(name, help), labels)
    }
}

impl Make for GaugeVec {
    fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        prometheus::register_gauge_vec!(Opts::new(name, help), labels)
    }
}

impl Make for HistogramVec {
    fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
        prometheus::register_histogram_vec!(options, labels)
    }
}

fn registered<M: Make>(name: &str, help: &str, labels: &[&str]) -> M {
    M::make(name, help, labels).expect("each name of the list stands in it once; a test makes them all")
}

macro_rules! meters {
    ($($constant:ident: $kind:ident<$n:literal> = $name:literal, $labels:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $constant: $kind<$n> = $kind(LazyLock::new(|| {
                const LABELS: [&str; $n] = $labels;
                registered(concat!("enterprise_todo_", $name), $help, &LABELS)
            }));
        )*

        /// Name and description of all of them.
        pub const ALL: &[(&str, &str)] = &[$((concat!("enterprise_todo_", $name), $help)),*];

        #[cfg(test)]
        fn make_all() {
            $(LazyLock::force(&$constant.0);)*
        }
    };
}

meters! {
    REQUESTS: Counter<2> = "requests_total", ["operation", "status"],
        "HTTP requests answered, by operation and status.";
    REQUEST_TIME: Histogram<1> = "request_duration_seconds", ["operation"],
        "From the head of an HTTP request to its answer, by operation.";
    SOCKETS: Gauge<0> = "sockets", [], "Open GraphQL sockets.";
    SUBSCRIPTIONS: Gauge<0> = "subscriptions", [], "Operations that live on sockets.";
    SOCKET_OPERATIONS: Counter<1> = "socket_operations_total", ["operation"],
        "Operations begun on sockets, by operation.";
    REFUSALS: Counter<1> = "rate_limit_refusals_total", ["limit"],
        "Requests that were told to come back later, by limit.";
    COMMANDS: Counter<2> = "commands_total", ["command", "outcome"],
        "Commands, by name and outcome: ok, or the code of the error.";
    COMMAND_TIME: Histogram<1> = "command_duration_seconds", ["command"],
        "From a command to its answer, the wait for read models included, by name.";
    CONFLICTS: Counter<1> = "command_conflicts_total", ["aggregate"],
        "Appends that came too late and were decided anew or refused, by aggregate.";
    APPEND_TIME: Histogram<0> = "append_duration_seconds", [],
        "The statement that stores events, one or several commands together.";
    APPENDED: Counter<0> = "appended_events_total", [], "Events stored by this process.";
    PROJECTION_TIME: Histogram<1> = "projection_batch_duration_seconds", ["projection"],
        "Writing one batch of events, checkpoint included, by projection.";
    PROJECTED: Counter<1> = "projected_events_total", ["projection"],
        "Events written by consumers of this process, by projection.";
    PROJECTION_LAG: Gauge<1> = "projection_lag_events", ["projection"],
        "Positions between the end of the log and what a consumer has written, by projection.";
    PROJECTION_AGE: Gauge<1> = "projection_lag_seconds", ["projection"],
        "Age of the oldest event that a consumer has not written, by projection.";
    PROJECTION_RUNS: Gauge<1> = "projection_running", ["projection"],
        "1 while a consumer may run, 0 while it is paused or halted, by projection.";
    RELAY_LAG: Histogram<0> = "relay_lag_seconds", [],
        "From a change to the arrival of its hint at this process, through Redis.";
    RELAY_UP: Gauge<0> = "relay_connected", [],
        "1 while hints between processes flow, 0 while Redis is away.";
    JOBS: Gauge<3> = "jobs", ["queue", "kind", "state"], "Jobs in the queue, by queue, kind and state.";
    JOB_AGE: Gauge<3> = "jobs_oldest_seconds", ["queue", "kind", "state"],
        "How long the oldest job has been due, by queue, kind and state.";
    JOB_RUNS: Counter<3> = "job_runs_total", ["queue", "kind", "outcome"],
        "Runs of jobs by this process, by queue, kind and outcome: done, again or dead.";
    JOB_TIME: Histogram<2> = "job_duration_seconds", ["queue", "kind"],
        "One run of a job, by queue and kind.";
    MAILS: Counter<1> = "mails_total", ["outcome"],
        "Mails handed to the mail server, by outcome: sent, later or refused.";
    TRACE_SPANS: Counter<1> = "trace_spans_total", ["outcome"],
        "Spans of traces, by outcome: sent, lost (the collector is away or refused them) or dropped (the queue was full).";
    CHECKPOINTS: Counter<0> = "audit_checkpoints_total", [],
        "Checkpoints over the audit trail that this process signed.";
    POOL_MAX: Gauge<1> = "pool_connections_max", ["pool"], "The most connections of a pool, by pool.";
    POOL_OPEN: Gauge<1> = "pool_connections_open", ["pool"], "Open connections of a pool, by pool.";
    POOL_USED: Gauge<1> = "pool_connections_in_use", ["pool"],
        "Connections of a pool that somebody works with, by pool.";
    POOL_WAITING: Gauge<1> = "pool_waiting", ["pool"], "Who waits for a connection of a pool, by pool.";
    SEALING_LAG: Gauge<0> = "sealing_lag_events", [],
        "Events that are not sealed yet, counted up to a limit.";
    SEALING_AGE: Gauge<0> = "sealing_lag_seconds", [], "Age of the oldest event that is not sealed yet.";
    DATABASE_UP: Gauge<0> = "database_up", [], "1 when the database answered this scrape, 0 when it did not.";
    BUILD: Gauge<1> = "build_info", ["version"], "Always 1; the version is in the label.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_there_once_and_its_name_and_text_are_well_formed() {
        make_all();
        for (name, help) in ALL {
            let own = name.strip_prefix(PREFIX).expect("our prefix");
            assert!(own.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        }
    }

    #[test]
    fn what_was_counted_is_shown_and_what_was_forgotten_is_not() {
        REFUSALS.add(2, ["of a \"test\""]);
        JOBS.count(3, ["test", "forgotten", "dead"]);
        let shown = render().unwrap();
        let counted = "enterprise_todo_rate_limit_refusals_total{limit=\"of a \\\"test\\\"\"} 2\n";
        assert!(shown.contains(counted) && shown.contains("kind=\"forgotten\""), "{shown}");
        JOBS.clear();
        assert!(!render().unwrap().contains("forgotten"));
    }

    #[test]
    fn what_is_one_only_as_long_as_it_is_kept_goes_with_it() {
        let kept = (SOCKETS.one(), SOCKETS.one());
        assert!(render().unwrap().contains("enterprise_todo_sockets 2\n"));
        drop(kept);
        assert!(render().unwrap().contains("enterprise_todo_sockets 0\n"));
    }
}
