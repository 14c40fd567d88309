//! Cursors: opaque to clients, and refused when anyone has changed them.
//!
//! The text is base64url of kind, body and the first half of an HMAC-SHA256. The list and order a
//! place belongs to are bound into the MAC, so that a cursor of one list does not work in another.
//! A position also names the log it is of: after a restore, the same numbers are other events.

use application::{Code, Keyset, Refusal, ports::Cursor};
use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;
use uuid::Uuid;

/// The longest cursor a client may send, in bytes of text.
pub const CURSOR_TEXT_BYTES_MAX: usize = 4_096;
/// How much of the MAC is kept, in bytes.
const TAG_BYTES: usize = 16;
/// The kind of a position in the log.
const POSITION: u8 = 1;
/// The kind of a place in a sorted list.
const KEYSET: u8 = 2;
/// The length of a position's body: the log, the transaction, the running number.
const POSITION_BYTES: usize = 24;

/// Makes and reads cursors.
#[derive(Clone)]
pub struct CursorCodec {
    key: hmac::Key,
    log: LogMark,
}

/// What tells a log from all others; see `log_identity` in the migrations.
pub type LogMark = [u8; 8];

/// Why a cursor leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadCursor {
    /// It was not made here, or not for this place.
    #[error("cursor is not valid here")]
    Malformed,
    /// It was made before the log was restored from a copy: what it points at may be another event.
    #[error("cursor is from another log, from before a restore; start again without it")]
    OtherLog,
}

impl Refusal for BadCursor {
    fn code(&self) -> Code {
        Code::ValidationFailed
    }
}

/// A cursor as clients see it: opaque text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorText(pub String);

/// A place in a list or in the order of all events; opaque text.
#[Scalar(name = "Cursor")]
impl ScalarType for CursorText {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) if text.len() <= CURSOR_TEXT_BYTES_MAX => Ok(Self(text)),
            Value::String(_) => Err(InputValueError::custom(BadCursor::Malformed)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

impl std::fmt::Debug for CursorCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorCodec")
    }
}

impl CursorCodec {
    /// A codec with a secret key, for positions in one log; all nodes of a surface share both.
    pub fn new(key: [u8; 32], log: LogMark) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), log }
    }

    /// A position in the log.
    pub fn position(&self, cursor: &Cursor) -> String {
        let mut body = [0; POSITION_BYTES];
        body[..8].copy_from_slice(&self.log);
        body[8..16].copy_from_slice(&cursor.tx.to_be_bytes());
        body[16..].copy_from_slice(&cursor.position.to_be_bytes());
        self.write(POSITION, "", &body)
    }

    /// A position that [`Self::position`] wrote.
    pub fn read_position(&self, text: &str) -> Result<Cursor, BadCursor> {
        let body = self.read(POSITION, "", text)?;
        // One of our own of another length is from a release that did not name the log.
        let body: [u8; POSITION_BYTES] = body.try_into().map_err(|_| BadCursor::OtherLog)?;
        let [log, tx, position] = [0, 8, 16].map(|from| {
            let mut part = [0; 8];
            part.copy_from_slice(&body[from..from + 8]);
            part
        });
        if log != self.log {
            return Err(BadCursor::OtherLog);
        }
        Ok(Cursor { tx: u64::from_be_bytes(tx), position: i64::from_be_bytes(position) })
    }

    /// A place in `list`, which names the list and its order.
    pub fn keyset(&self, list: &str, keyset: &Keyset) -> String {
        let value = keyset.value.as_deref();
        let mut body = Vec::with_capacity(17 + value.map_or(0, str::len));
        body.extend_from_slice(keyset.id.as_bytes());
        body.push(u8::from(value.is_some()));
        body.extend_from_slice(value.unwrap_or_default().as_bytes());
        self.write(KEYSET, list, &body)
    }

    /// A place that [`Self::keyset`] wrote for the same list and order.
    pub fn read_keyset(&self, list: &str, text: &str) -> Result<Keyset, BadCursor> {
        let body = self.read(KEYSET, list, text)?;
        let (id, rest) = body.split_at_checked(16).ok_or(BadCursor::Malformed)?;
        let (present, value) = rest.split_first().ok_or(BadCursor::Malformed)?;
        let value = match present {
            0 => None,
            _ => Some(str::from_utf8(value).map_err(|_| BadCursor::Malformed)?.to_owned()),
        };
        Ok(Keyset { value, id: Uuid::from_slice(id).map_err(|_| BadCursor::Malformed)? })
    }

    fn write(&self, kind: u8, list: &str, body: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(1 + body.len() + TAG_BYTES);
        bytes.push(kind);
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&self.tag(kind, list, body));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(&self, kind: u8, list: &str, text: &str) -> Result<Vec<u8>, BadCursor> {
        if text.len() > CURSOR_TEXT_BYTES_MAX {
            return Err(BadCursor::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor::Malformed)?;
        let (signed, tag) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(BadCursor::Malformed)?;
        let (shown, body) = signed.split_first().ok_or(BadCursor::Malformed)?;
        verify_slices_are_equal(&self.tag(*shown, list, body), tag).map_err(|_| BadCursor::Malformed)?;
        if *shown == kind { Ok(body.to_vec()) } else { Err(BadCursor::Malformed) }
    }

    fn tag(&self, kind: u8, list: &str, body: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = hmac::Context::with_key(&self.key);
        // The length keeps the list's name and the body apart.
        mac.update(&[kind]);
        mac.update(&(list.len() as u64).to_be_bytes());
        mac.update(list.as_bytes());
        mac.update(body);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac.sign().as_ref()[..TAG_BYTES]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogMark = [3; 8];
    const PLACE: Cursor = Cursor { tx: 1 << 60, position: (1 << 53) + 1 };

    fn keyset(value: Option<&str>) -> Keyset {
        Keyset { value: value.map(str::to_owned), id: Uuid::from_u128(7) }
    }

    #[test]
    fn positions_and_places_come_back_as_they_were() {
        let codec = CursorCodec::new([1; 32], LOG);
        assert_eq!(codec.read_position(&codec.position(&PLACE)), Ok(PLACE));
        for value in [None, Some(""), Some("Milch für Zoë")] {
            let text = codec.keyset("todos:created:desc", &keyset(value));
            assert_eq!(codec.read_keyset("todos:created:desc", &text), Ok(keyset(value)));
        }
    }

    #[test]
    fn a_cursor_of_another_list_kind_or_key_is_refused() {
        let codec = CursorCodec::new([1; 32], LOG);
        let place = codec.keyset("todos:created:desc", &keyset(Some("x")));
        assert_eq!(codec.read_keyset("todos:created:asc", &place), Err(BadCursor::Malformed));
        assert_eq!(codec.read_position(&place), Err(BadCursor::Malformed));
        assert_eq!(codec.read_keyset("", &codec.position(&PLACE)), Err(BadCursor::Malformed));
        assert_eq!(
            CursorCodec::new([2; 32], LOG).read_position(&codec.position(&PLACE)),
            Err(BadCursor::Malformed)
        );
    }

    #[test]
    fn a_position_in_another_log_is_told_apart_from_a_forged_one() {
        let (before, after) = (CursorCodec::new([1; 32], LOG), CursorCodec::new([1; 32], [4; 8]));
        assert_eq!(after.read_position(&before.position(&PLACE)), Err(BadCursor::OtherLog));
        let unnamed = before.write(POSITION, "", &[0; 16]);
        assert_eq!(before.read_position(&unnamed), Err(BadCursor::OtherLog));
        // Places in sorted lists are values and ids: they mean the same in every log.
        let place = before.keyset("todos:created:desc", &keyset(Some("x")));
        assert_eq!(after.read_keyset("todos:created:desc", &place), Ok(keyset(Some("x"))));
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_refused() {
        let codec = CursorCodec::new([1; 32], LOG);
        let bytes = URL_SAFE_NO_PAD.decode(codec.position(&PLACE)).expect("our own text");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(codec.read_position(&URL_SAFE_NO_PAD.encode(changed)), Err(BadCursor::Malformed));
        }
        for length in 0..bytes.len() {
            assert_eq!(
                codec.read_position(&URL_SAFE_NO_PAD.encode(&bytes[..length])),
                Err(BadCursor::Malformed)
            );
        }
        assert_eq!(codec.read_position(&"A".repeat(CURSOR_TEXT_BYTES_MAX + 1)), Err(BadCursor::Malformed));
        assert_eq!(codec.read_position("not base64!"), Err(BadCursor::Malformed));
    }
}
