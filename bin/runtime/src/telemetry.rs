//! The log: one line an event, `<time> <request id or -> <LEVEL> <target> <message> <key=value…>`,
//! or one JSON object with `LOG_FORMAT=json`. Control characters are escaped.
//!
//! Lines are written by a thread of their own, several at once when there are several: whoever reads
//! them slowly, as a full pipe does, must not stop the threads that answer requests.

mod line;

use std::{
    io::{self, BufWriter, Stdout, Write, stdout},
    thread::sleep,
    time::Duration,
};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use self::line::Line;
use crate::settings::environment;

/// What is logged when `RUST_LOG` says nothing. Libraries only when something is wrong; that a job
/// failed is said once, by us.
const DEFAULT_FILTER: &str = "info,sqlx=warn,fred=error,tokio_postgres=warn,hyper=warn,poem=warn,lettre=warn,\
     graphile_worker=warn,graphile_worker::runner::release=off,graphile_worker_queries=warn,\
     graphile_worker_recovery=warn,graphile_worker_crontab_runner=warn,graphile_worker_migrations=warn,\
     graphile_worker_utils=warn,graphile_worker_job=warn";

/// Lines that wait for the writing thread, at most; who logs more waits for it.
const LINES_WAITING_MAX: usize = 10_000;
/// What is written at once, in bytes, at most.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// How long the thread rests after it wrote. What comes meanwhile is gathered and wakes nobody.
const REST: Duration = Duration::from_millis(10);

/// The log of a process, whole once this is dropped.
#[must_use = "what is logged last is written when this is dropped"]
pub(crate) struct Log(#[expect(dead_code, reason = "its end writes the rest")] WorkerGuard);

/// Starts the log of the process.
pub(crate) fn start() -> Log {
    let variables = environment();
    let json = variables.get("LOG_FORMAT").is_some_and(|format| format == "json");
    let filter = variables.get("RUST_LOG").map_or(DEFAULT_FILTER, String::as_str);
    let filter = EnvFilter::builder().parse_lossy(filter);
    let (lines, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(LINES_WAITING_MAX)
        .thread_name("log")
        .finish(Gathering(BufWriter::with_capacity(WRITE_BYTES_MAX, stdout())));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .event_format(Line { json })
        .with_writer(lines);
    // A second start, in tests, changes nothing.
    let _ = subscriber.try_init();
    Log(guard)
}

/// Standard output that rests after each time it was flushed, which is when no line waits.
struct Gathering(BufWriter<Stdout>);

impl Write for Gathering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        sleep(REST);
        Ok(())
    }
}
