//! The lines of an export, as `worker audit-export` and the portal's `/v1/audit/export` write them.
//!
//! The portal's have more in them than events: how far a long search is, what could not be read,
//! and the end, without which an export is not whole.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{entry::leaf_of, line::SealedLine, ports::Found, tree::Hash};
use crate::ports::Cursor;

/// What the portal's lines begin with, and no other ones.
const OF_THE_PORTAL: &[u8] = b"{\"cursor\":";

/// A line of an export.
#[derive(Debug)]
pub enum ExportLine<'a> {
    /// An event.
    Event(Box<SealedLine<'a>>),
    /// In place of an event that the portal could not read: it is not what was sealed.
    Unreadable {
        /// The event's running number.
        position: i64,
        /// The line.
        text: &'a [u8],
    },
    /// Only how far it was.
    Progress,
    /// Why it stopped before its end. Another export may go on behind it.
    Stopped(String),
    /// It is whole.
    End,
}

/// Why a line is none of an export.
#[derive(Debug, Error)]
pub enum ExportLineError {
    /// It is for people: what is hidden in it cannot be compared.
    #[error("it is of a readable export; ask the portal for format=sealed")]
    Readable,
    /// It is something else.
    #[error("it is no event")]
    NoEvent(#[source] serde_json::Error),
}

/// Whatever is no event.
#[derive(Deserialize)]
struct Aside {
    position: Option<String>,
    end: Option<bool>,
    progress: Option<Value>,
    problem: Option<Value>,
    payload: Option<Value>,
}

impl<'a> ExportLine<'a> {
    /// Reads a line.
    pub fn read(text: &'a [u8]) -> Result<Self, ExportLineError> {
        match serde_json::from_slice(text) {
            Ok(event) => Ok(Self::Event(event)),
            Err(error) => Self::aside(text).unwrap_or(Err(ExportLineError::NoEvent(error))),
        }
    }

    fn aside(text: &'a [u8]) -> Option<Result<Self, ExportLineError>> {
        let Aside { position, end, progress, problem, payload } = serde_json::from_slice(text).ok()?;
        let position = position.and_then(|position| position.parse().ok());
        match (position, problem) {
            (Some(position), Some(_)) => Some(Ok(Self::Unreadable { position, text })),
            (None, Some(problem)) => {
                let why = problem.get("detail").and_then(Value::as_str);
                Some(Ok(Self::Stopped(why.unwrap_or("it does not say why").to_owned())))
            }
            (None, None) if end == Some(true) => Some(Ok(Self::End)),
            (None, None) if progress.is_some() => Some(Ok(Self::Progress)),
            (Some(_), None) if payload.is_some() && text.starts_with(OF_THE_PORTAL) => {
                Some(Err(ExportLineError::Readable))
            }
            _ => None,
        }
    }

    /// Whether a line is the portal's: those end with a line that says so.
    pub fn is_of_the_portal(text: &[u8]) -> bool {
        text.starts_with(OF_THE_PORTAL)
    }

    /// The running number of its event.
    pub fn position(&self) -> Option<i64> {
        match self {
            Self::Event(event) => Some(event.position),
            Self::Unreadable { position, .. } => Some(*position),
            Self::Progress | Self::Stopped(_) | Self::End => None,
        }
    }

    /// The event as an examination finds it.
    pub fn found(&self) -> Option<Found> {
        match self {
            Self::Event(event) => Some(event.found()),
            Self::Unreadable { position, text } => {
                let hash: Hash = leaf_of(*position, text);
                Some(Found { cursor: Cursor { tx: 0, position: *position }, hash })
            }
            Self::Progress | Self::Stopped(_) | Self::End => None,
        }
    }

    /// What of it would be sealed.
    pub fn content(&self) -> Vec<u8> {
        match self {
            Self::Event(event) => event.entry().content(),
            Self::Unreadable { text, .. } => text.to_vec(),
            Self::Progress | Self::Stopped(_) | Self::End => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"cursor":"c","position":"7","txId":"3","recordedAt":"2026-01-02T03:04:05.000006Z","aggregateType":"todo","aggregateId":"a/b","sequence":2,"eventType":"todo.created","eventVersion":"1","payload":{"n": 1.50},"metadata":{}}"#;

    fn read(text: &str) -> ExportLine<'_> {
        ExportLine::read(text.as_bytes()).expect("a line")
    }

    #[test]
    fn an_event_of_the_portal_is_the_same_leaf_as_the_workers() {
        let without = EVENT.replace("\"cursor\":\"c\",", "");
        assert_eq!(read(EVENT).found(), read(&without).found());
        assert!(ExportLine::is_of_the_portal(EVENT.as_bytes()));
        assert!(!ExportLine::is_of_the_portal(without.as_bytes()));
    }

    #[test]
    fn what_is_no_event_is_told_apart_and_has_no_leaf() {
        let progress = r#"{"cursor":"c","progress":{"position":"7","done":1}}"#;
        let stopped = r#"{"problem":{"detail":"the log cannot be read now"}}"#;
        assert!(matches!(read(progress), ExportLine::Progress));
        assert!(matches!(read(r#"{"cursor":"c","end":true,"count":1}"#), ExportLine::End));
        assert!(matches!(read(stopped), ExportLine::Stopped(why) if why == "the log cannot be read now"));
        assert_eq!(read(progress).found(), None);
    }

    #[test]
    fn what_could_not_be_read_stands_at_its_position_and_is_no_leaf_that_was_sealed() {
        let text = r#"{"cursor":"c","position":"7","problem":{"detail":"it cannot be read"}}"#;
        let line = read(text);
        assert_eq!(line.position(), Some(7));
        assert_ne!(line.found().map(|found| found.hash), read(EVENT).found().map(|found| found.hash));
        assert_eq!(line.content(), text.as_bytes());
    }

    #[test]
    fn a_readable_line_says_what_to_ask_for_and_nonsense_says_what_is_missing() {
        let readable = EVENT.replace(",\"metadata\":{}", "").replace("\"txId\":\"3\",", "");
        assert!(matches!(ExportLine::read(readable.as_bytes()), Err(ExportLineError::Readable)));
        for nonsense in ["{}", "[]", "7", "{\"position\":", "{\"end\":false}", "{\"position\":\"7\"}"] {
            let error = ExportLine::read(nonsense.as_bytes()).expect_err(nonsense);
            assert!(matches!(error, ExportLineError::NoEvent(_)), "{nonsense}: {error}");
        }
    }
}
