//! The messages of `graphql-transport-ws`.

use async_graphql::ServerError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::goodbye::Goodbye;
use crate::http::Payload;

/// The longest id of an operation, in bytes.
const ID_BYTES_MAX: usize = 128;

/// What a client says.
#[derive(Debug)]
pub(super) enum Said<'t> {
    Init(Option<&'t RawValue>),
    Ping(Option<&'t RawValue>),
    Pong,
    Subscribe { id: String, payload: &'t RawValue },
    Complete { id: String },
}

#[derive(Deserialize)]
struct Frame<'t> {
    r#type: String,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'t RawValue>,
}

impl<'t> Said<'t> {
    /// Reads a message.
    pub(super) fn read(text: &'t str) -> Result<Self, Goodbye> {
        // A struct may be read from a list as well, which the protocol does not know.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(Goodbye::MALFORMED);
        }
        let frame: Frame<'t> = serde_json::from_str(text).map_err(|_| Goodbye::MALFORMED)?;
        match frame.r#type.as_str() {
            "connection_init" => Ok(Self::Init(frame.payload)),
            "ping" => Ok(Self::Ping(frame.payload)),
            "pong" => Ok(Self::Pong),
            "subscribe" => {
                Ok(Self::Subscribe { id: sane(frame.id)?, payload: frame.payload.ok_or(Goodbye::MALFORMED)? })
            }
            "complete" => Ok(Self::Complete { id: sane(frame.id)? }),
            _ => Err(Goodbye::UNKNOWN_TYPE),
        }
    }
}

fn sane(id: Option<String>) -> Result<String, Goodbye> {
    id.filter(|id| (1..=ID_BYTES_MAX).contains(&id.len())).ok_or(Goodbye::MALFORMED)
}

/// The places in an init payload where clients put a token.
#[derive(Deserialize, Default)]
struct Shown {
    #[serde(rename = "Authorization", alias = "authorization")]
    authorization: Option<String>,
    headers: Option<Headers>,
}

#[derive(Deserialize)]
struct Headers {
    #[serde(rename = "Authorization", alias = "authorization")]
    authorization: Option<String>,
}

/// The token in an init payload, as the value of an `Authorization` header.
pub(super) fn shown_token(payload: Option<&RawValue>) -> Result<Option<String>, Goodbye> {
    let shown: Option<Shown> = match payload {
        Some(payload) => serde_json::from_str(payload.get()).map_err(|_| Goodbye::MALFORMED)?,
        None => None,
    };
    let Shown { authorization, headers } = shown.unwrap_or_default();
    Ok(authorization.or_else(|| headers.and_then(|headers| headers.authorization)))
}

/// What we say about an operation.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Saying<'a> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    },
    Next {
        id: &'a str,
        payload: Payload<'a>,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

pub(super) fn connection_ack() -> String {
    say(&Saying::ConnectionAck)
}

pub(super) fn pong(payload: Option<&RawValue>) -> String {
    say(&Saying::Pong { payload })
}

pub(super) fn next(id: &str, payload: Payload<'_>) -> String {
    say(&Saying::Next { id, payload })
}

pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    say(&Saying::Error { id, payload: errors })
}

pub(super) fn complete(id: &str) -> String {
    say(&Saying::Complete { id })
}

fn say(saying: &Saying<'_>) -> String {
    // Only a map with keys that are not text could fail, and there is none.
    serde_json::to_string(saying).unwrap_or_else(|error| {
        tracing::error!(%error, "a message could not be written");
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> Option<String> {
        let payload: Box<RawValue> = serde_json::from_str(payload).expect("JSON");
        shown_token(Some(&payload)).expect("readable")
    }

    #[test]
    fn a_token_is_found_wherever_clients_put_it() {
        for payload in [
            r#"{"Authorization":"Bearer t"}"#,
            r#"{"authorization":"Bearer t"}"#,
            r#"{"headers":{"Authorization":"Bearer t"}}"#,
            r#"{"headers":{"authorization":"Bearer t"},"other":1}"#,
        ] {
            assert_eq!(token(payload).as_deref(), Some("Bearer t"), "{payload}");
        }
        for payload in ["{}", "null", r#"{"headers":null}"#] {
            assert_eq!(token(payload), None, "{payload}");
        }
    }

    #[test]
    fn nonsense_closes_the_socket() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":"start"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":1}"#,
            r#"{"type":"subscribe","id":"","payload":{}}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert!(Said::read(text).is_err(), "{text}");
        }
        let long = format!(r#"{{"type":"complete","id":"{}"}}"#, "x".repeat(ID_BYTES_MAX + 1));
        assert!(Said::read(&long).is_err());
    }
}
