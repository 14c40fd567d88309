//! How an event becomes a line.

use std::{
    borrow::Cow,
    fmt::{self, Debug, Display, Write},
};

use chrono::SecondsFormat;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::world::SystemClock;

/// One line an event, as text or as a JSON object.
pub(super) struct Line {
    pub(super) json: bool,
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

impl Text {
    /// A number or the like: nothing in it needs a quotation mark.
    fn plain(&mut self, field: &Field, value: impl Display) {
        // Writing to a text cannot fail.
        let _ = write!(self.fields, " {}={value}", field.name());
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(&escaped(value)),
            "request_id" => self.request.push_str(&escaped(value)),
            name => {
                self.fields.extend([" ", name, "="]);
                if !value.is_empty() && !value.bytes().any(|byte| matches!(byte, b' ' | b'"' | b'=')) {
                    self.fields.push_str(&escaped(value));
                } else {
                    self.fields.extend(["\"", &escaped(&value.replace('"', "\\\"")), "\""]);
                }
            }
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(Escaping(&mut self.message), "{value:?}");
        } else {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

/// An event as the fields of an object.
#[derive(Default)]
struct Object {
    request: Option<String>,
    message: String,
    fields: Vec<(String, Value)>,
}

impl Object {
    fn field(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.push((field.name().to_owned(), value.into()));
    }
}

impl Visit for Object {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "request_id" => self.request = Some(value.to_owned()),
            _ => self.field(field, value),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Escapes what is written to a text.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(&escaped(text));
        Ok(())
    }
}

/// The text without line breaks and control characters: one event stays one line.
fn escaped(text: &str) -> Cow<'_, str> {
    // Of what is not ASCII, the control characters begin with this byte, and few others do.
    const BEFORE_C1: u8 = 0xc2;
    if !text.bytes().any(|byte| byte.is_ascii_control() || byte == BEFORE_C1) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_stays_one_line() {
        assert_eq!(escaped("a\nb\r\tc\u{1b}[0m\u{7f}"), "a\\nb\\r\\tc\\u{1b}[0m\\u{7f}");
        assert_eq!(escaped("plain ä"), "plain ä");
        for c in (0..=0x2fff).filter_map(char::from_u32) {
            let text = c.to_string();
            assert_eq!(escaped(&text) == text, !c.is_control(), "{c:?}");
        }
        let mut written = String::new();
        let _ = write!(Escaping(&mut written), "a\nb{}\u{85}", 1);
        assert_eq!(written, "a\\nb1\\u{85}");
    }
}
