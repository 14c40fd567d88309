//! The wire form of Protocol Buffers, as far as spans need it: written whole, and of what comes back
//! one number is read.

/// The wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// The bits of a byte of a varint that count; the one above says that more follow.
const GROUP: u8 = 0x7f;
const MORE: u8 = 0x80;

/// A message that is being written.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A number. Zero is what is read where nothing stands, but within a `oneof` it has to be said.
    pub(crate) fn varint(&mut self, field: u64, value: u64) {
        self.raw(field << 3 | VARINT);
        self.raw(value);
    }

    /// A number of eight bytes.
    pub(crate) fn fixed64(&mut self, field: u64, value: u64) {
        self.raw(field << 3 | FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes, or text.
    pub(crate) fn bytes(&mut self, field: u64, value: &[u8]) {
        self.raw(field << 3 | BYTES);
        self.raw(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A message within.
    pub(crate) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// The message as it goes over the wire.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn raw(&mut self, mut value: u64) {
        while value > u64::from(GROUP) {
            self.0.push(low(value) | MORE);
            value >>= 7;
        }
        self.0.push(low(value));
    }
}

const fn low(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low & GROUP
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A number.
    Number(u64),
    /// Bytes, text or a message.
    Bytes(&'a [u8]),
}

/// The first field of that number in a message; `None` where there is none, or the message is no
/// message.
pub(crate) fn field(mut message: &[u8], wanted: u64) -> Option<Value<'_>> {
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            VARINT => Value::Number(varint(&mut message)?),
            FIXED64 => Value::Bytes(take(&mut message, 8)?),
            FIXED32 => Value::Bytes(take(&mut message, 4)?),
            BYTES => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(take(&mut message, length)?)
            }
            _ => return None,
        };
        if tag >> 3 == wanted {
            return Some(value);
        }
    }
    None
}

fn varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *take(from, 1)?.first()?;
        value |= u64::from(byte & GROUP) << shift;
        if byte & MORE == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_format_are_written_as_it_says() {
        // https://protobuf.dev/programming-guides/encoding: `a: 150`, `b: "testing"`, and one in another.
        let mut message = Message::default();
        message.varint(1, 150);
        message.bytes(2, b"testing");
        message.message(3, |inner| inner.varint(1, 150));
        assert_eq!(message.into_bytes(), b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01");
    }

    #[test]
    fn what_is_cut_off_or_no_message_has_no_field() {
        let mut message = Message::default();
        message.fixed64(1, 7);
        message.message(2, |inner| inner.varint(1, u64::MAX));
        let whole = message.into_bytes();
        let Some(Value::Bytes(inner)) = field(&whole, 2) else { panic!("it is there") };
        assert_eq!(field(inner, 1), Some(Value::Number(u64::MAX)));
        for end in 0..whole.len() {
            assert_eq!(field(&whole[..end], 2), None, "{end} bytes of it");
        }
        assert_eq!(field(&[0x80; 32], 1), None);
        assert_eq!(field(&[0x0b], 1), None, "a group, which nobody writes any more");
        assert_eq!(field(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 2), None, "longer than there is");
    }
}
