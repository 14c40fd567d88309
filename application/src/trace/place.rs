//! A place in a trace, as the W3C writes it: `00-<trace>-<span>-<flags>`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The version of the text that we write.
const VERSION: &str = "00";
/// The version that the W3C has forbidden.
const VERSION_FORBIDDEN: &str = "ff";
/// The bit that says: whoever came before records this trace.
const SAMPLED: u8 = 1;

/// A trace: 16 bytes, never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub(super) u128);

/// A span of a trace: 8 bytes, never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub(super) u64);

impl TraceId {
    /// The bytes as they go over the wire.
    pub const fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl SpanId {
    /// The bytes as they go over the wire.
    pub const fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A span of a trace that is recorded; of others nobody keeps a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which trace.
    pub trace: TraceId,
    /// Which span in it.
    pub span: SpanId,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span } = self;
        write!(f, "{VERSION}-{trace}-{span}-{SAMPLED:02x}")
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a caller says of the trace that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// Its own place.
    pub place: Place,
    /// Whether it records.
    pub sampled: bool,
}

impl Incoming {
    /// Reads a `traceparent`; what is none is ignored, as the W3C wants it.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        let flags = hex(parts.next()?, 2)?;
        hex(version, 2).filter(|_| version != VERSION_FORBIDDEN)?;
        // Later versions may say more; this one says no more.
        if version == VERSION && parts.next().is_some() {
            return None;
        }
        let trace = TraceId(hex(trace, 32).filter(|id| *id != 0)?);
        let span = SpanId(u64::try_from(hex(span, 16).filter(|id| *id != 0)?).ok()?);
        let sampled = flags & u128::from(SAMPLED) != 0;
        Some(Self { place: Place { trace, span }, sampled })
    }

    /// Its place, when it records.
    fn recorded(self) -> Option<Place> {
        self.sampled.then_some(self.place)
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let whole = text.len() == digits && text.bytes().all(lower);
    whole.then(|| u128::from_str_radix(text, 16).ok())?
}

/// Reads a place out of a message: one that is malformed is as good as none, and spoils nothing.
pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Place>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.as_deref().and_then(Incoming::read).and_then(Incoming::recorded))
}

#[derive(Deserialize)]
struct Noted {
    #[serde(default, deserialize_with = "lenient")]
    traceparent: Option<Place>,
}

/// The place that is stored with an event, in its metadata.
pub fn noted(metadata: &RawValue) -> Option<Place> {
    // Most have none, and are not read for it.
    if !metadata.get().contains("\"traceparent\"") {
        return None;
    }
    serde_json::from_str::<Noted>(metadata.get()).ok()?.traceparent
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn what_is_no_traceparent_is_ignored() {
        for text in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Incoming::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_traceparent_comes_back_as_it_went_and_says_whether_it_is_recorded() {
        let read = Incoming::read(WHOLE).expect("well formed");
        assert!(read.sampled);
        assert_eq!(read.place.to_string(), WHOLE);
        let silent = Incoming::read(&WHOLE.replace("-01", "-00")).expect("well formed");
        assert_eq!((silent.place, silent.sampled), (read.place, false));
        let later = Incoming::read(&format!("{}-more", WHOLE.replacen("00", "01", 1)));
        assert_eq!(later.map(|later| later.place), Some(read.place));
    }

    #[test]
    fn the_place_stored_with_an_event_is_found_and_anything_else_is_none() {
        let place = Incoming::read(WHOLE).map(|read| read.place);
        assert_eq!(noted(&raw(&format!(r#"{{"command": "x", "traceparent": "{WHOLE}"}}"#))), place);
        for odd in [
            r#"{"command": "x"}"#,
            r#"{"traceparent": 7}"#,
            r#"{"traceparent": null}"#,
            r#"{"traceparent": "nonsense"}"#,
            r#"{"correlation_id": "\"traceparent\": \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\""}"#,
        ] {
            assert_eq!(noted(&raw(odd)), None, "{odd}");
        }
    }
}
