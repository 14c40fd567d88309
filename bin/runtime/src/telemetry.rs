//! The log: one line an event, `<time> <request id or -> <LEVEL> <target> <message> <key=value…>`,
//! or one JSON object with `LOG_FORMAT=json`. Control characters are escaped.
//!
//! Lines are written by a thread of their own, several at once when there are several: whoever reads
//! them slowly, as a full pipe does, must not stop the threads that answer requests.

use std::{
    borrow::Cow,
    fmt::{self, Write},
    io::{BufWriter, stdout},
};

use chrono::SecondsFormat;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::{settings::environment, world::SystemClock};

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
        .finish(BufWriter::with_capacity(WRITE_BYTES_MAX, stdout()));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .event_format(Line { json })
        .with_writer(lines);
    // A second start, in tests, changes nothing.
    let _ = subscriber.try_init();
    Log(guard)
}

struct Line {
    json: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let now = application::ports::Clock::now(&SystemClock);
        let now = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let (level, target) = (event.metadata().level(), event.metadata().target());
        if self.json {
            let mut parts = Object::default();
            event.record(&mut parts);
            let mut object = Map::new();
            object.insert("timestamp".to_owned(), now.into());
            object.insert("requestId".to_owned(), parts.request.map_or(Value::Null, Value::from));
            object.insert("level".to_owned(), level.as_str().into());
            object.insert("target".to_owned(), target.into());
            object.insert("message".to_owned(), parts.message.into());
            object.extend(parts.fields);
            return writeln!(out, "{}", Value::Object(object));
        }
        let mut parts = Text::default();
        event.record(&mut parts);
        let Text { request, message, fields } = parts;
        let request = if request.is_empty() { "-" } else { &request };
        writeln!(out, "{now} {request} {level} {target} {message}{fields}")
    }
}

/// An event as text, each part ready to be written.
#[derive(Default)]
struct Text {
    request: String,
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(&escaped(value)),
            "request_id" => self.request.push_str(&escaped(value)),
            name => {
                let plain = !value.is_empty() && !value.contains([' ', '"', '=']);
                // Writing to a text cannot fail.
                let _ = if plain {
                    write!(self.fields, " {name}={}", escaped(value))
                } else {
                    write!(self.fields, " {name}=\"{}\"", escaped(&value.replace('"', "\\\"")))
                };
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// An event as the fields of an object.
#[derive(Default)]
struct Object {
    request: Option<String>,
    message: String,
    fields: Vec<(String, Value)>,
}

impl Visit for Object {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "request_id" => self.request = Some(value.to_owned()),
            name => self.fields.push((name.to_owned(), value.into())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The text without line breaks and control characters: one event stays one line.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            let _ = safe.write_char(c);
        }
    }
    safe.into()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn one_event_stays_one_line() {
        assert_eq!(escaped("a\nb\r\tc\u{1b}[0m"), "a\\nb\\r\\tc\\u{1b}[0m");
        assert_eq!(escaped("plain ä"), "plain ä");
    }
}
