//! An event in a sealed export: a line of JSON with all that its leaf is made of.

use std::{borrow::Cow, fmt};

use chrono::SecondsFormat;
use domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use super::{entry::Entry, ports::Found};
use crate::ports::Cursor;

/// See the module. Numbers that may pass what a JSON number holds are written as text; numbers are
/// read as well.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedLine<'a> {
    /// Its running number.
    #[serde(serialize_with = "as_text", deserialize_with = "number")]
    pub position: i64,
    /// Its transaction: with the position, its place in the order. Not part of the leaf.
    #[serde(serialize_with = "as_text", deserialize_with = "number")]
    pub tx_id: u64,
    /// When it was stored, to the microsecond.
    #[serde(serialize_with = "to_microseconds")]
    pub recorded_at: Timestamp,
    /// `todo`, `tag`, …
    #[serde(borrow)]
    pub aggregate_type: Cow<'a, str>,
    /// Its stream.
    #[serde(borrow)]
    pub aggregate_id: Cow<'a, str>,
    /// Its place in the stream.
    #[serde(deserialize_with = "number")]
    pub sequence: i64,
    /// Its stored name.
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    /// The version of its shape.
    #[serde(borrow)]
    pub event_version: Cow<'a, str>,
    /// The event, character by character as Postgres writes it.
    #[serde(borrow)]
    pub payload: &'a RawValue,
    /// Who, from where, by which command; as Postgres writes it.
    #[serde(borrow)]
    pub metadata: &'a RawValue,
}

impl SealedLine<'_> {
    /// The event as it is sealed.
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            position: self.position,
            recorded_at: self.recorded_at.timestamp_micros(),
            aggregate_type: &self.aggregate_type,
            stream: &self.aggregate_id,
            sequence: self.sequence,
            event_type: &self.event_type,
            event_version: &self.event_version,
            payload: self.payload.get(),
            metadata: self.metadata.get(),
        }
    }

    /// The event as an examination finds it.
    pub fn found(&self) -> Found {
        let cursor = Cursor { tx: self.tx_id, position: self.position };
        Found { cursor, hash: self.entry().leaf() }
    }
}

fn as_text<T: fmt::Display, S: Serializer>(number: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn to_microseconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn number<'de, T, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>
where
    T: std::str::FromStr + TryFrom<u64>,
{
    deserializer.deserialize_any(Number(std::marker::PhantomData))
}

/// Reads `12` and `"12"`.
struct Number<T>(std::marker::PhantomData<T>);

impl<T: std::str::FromStr + TryFrom<u64>> de::Visitor<'_> for Number<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|_| E::custom("not a whole number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"position":"9007199254740993","txId":"7","recordedAt":"2026-01-02T03:04:05.000006Z","aggregateType":"todo","aggregateId":"a/b","sequence":2,"eventType":"todo.created","eventVersion":"1","payload":{"text": "Milch \"1.50\" €", "n": 1.50},"metadata":{}}"#;

    #[test]
    fn a_line_comes_back_as_it_was_to_the_character() {
        let line: SealedLine<'_> = serde_json::from_str(LINE).unwrap();
        assert_eq!(line.position, (1 << 53) + 1);
        assert_eq!(line.payload.get(), r#"{"text": "Milch \"1.50\" €", "n": 1.50}"#);
        assert_eq!(line.recorded_at.timestamp_micros() % 1_000_000, 6);
        assert_eq!(serde_json::to_string(&line).unwrap(), LINE);
        let numbers = LINE.replace("\"9007199254740993\"", "9007199254740993").replace("\"7\"", "7");
        let same: SealedLine<'_> = serde_json::from_str(&numbers).unwrap();
        assert_eq!(same.found(), line.found());
    }

    #[test]
    fn every_field_is_part_of_the_leaf_but_the_transaction() {
        let leaf = |text: &str| serde_json::from_str::<SealedLine<'_>>(text).unwrap().found().hash;
        let whole = leaf(LINE);
        for (from, to) in [
            ("0993", "0992"),
            ("000006Z", "000007Z"),
            ("\"todo\"", "\"toda\""),
            ("a/b", "a/c"),
            (":2,", ":3,"),
            ("created", "createe"),
            ("\"1\"", "\"2\""),
            ("1.50}", "1.5}"),
            ("\"text\": ", "\"text\":"),
            ("\"metadata\":{}", "\"metadata\":{ }"),
        ] {
            assert!(LINE.contains(from), "{from}");
            assert_ne!(leaf(&LINE.replace(from, to)), whole, "{from}");
        }
        assert_eq!(leaf(&LINE.replace("\"7\"", "\"8\"")), whole);
        // A boundary that moves is another leaf.
        assert_ne!(leaf(&LINE.replace("todo.created", "todo.create").replace("\"1\"", "\"d1\"")), whole);
    }
}
