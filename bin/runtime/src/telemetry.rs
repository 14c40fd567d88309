//! The log: one line an event, `<time> <request id or -> <LEVEL> <target> <message> <key=value…>`,
//! or one JSON object with `LOG_FORMAT=json`. Control characters are escaped.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
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

/// Starts the log of the process.
pub(crate) fn start() {
    let variables = environment();
    let json = variables.get("LOG_FORMAT").is_some_and(|format| format == "json");
    let filter = variables.get("RUST_LOG").map_or(DEFAULT_FILTER, String::as_str);
    let filter = EnvFilter::builder().parse_lossy(filter);
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).event_format(Line { json });
    // A second start, in tests, changes nothing.
    let _ = subscriber.try_init();
}

struct Line {
    json: bool,
}

#[derive(Default)]
struct Parts {
    request: Option<String>,
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "request_id" => self.request = Some(value.to_owned()),
            name => self.fields.push((name, value.to_owned())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let now = application::ports::Clock::now(&SystemClock);
        let now = now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let (level, target) = (event.metadata().level(), event.metadata().target());
        if self.json {
            let mut object = Map::new();
            object.insert("timestamp".to_owned(), now.into());
            object.insert("requestId".to_owned(), parts.request.map_or(Value::Null, Value::from));
            object.insert("level".to_owned(), level.as_str().into());
            object.insert("target".to_owned(), target.into());
            object.insert("message".to_owned(), parts.message.into());
            object.extend(parts.fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
            return writeln!(out, "{}", Value::Object(object));
        }
        let request = parts.request.as_deref().unwrap_or("-");
        write!(out, "{now} {} {level} {target} ", escaped(request))?;
        out.write_str(&escaped(&parts.message))?;
        for (name, value) in &parts.fields {
            if value.is_empty() || value.contains([' ', '"', '=']) {
                write!(out, " {name}=\"{}\"", escaped(&value.replace('"', "\\\"")))?;
            } else {
                write!(out, " {name}={}", escaped(value))?;
            }
        }
        writeln!(out)
    }
}

/// The text without line breaks and control characters: one event stays one line.
fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
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
