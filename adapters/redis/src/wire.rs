//! Messages as they are on the channel: a signal as JSON, or word that something was lost.

use application::ports::Signal;

/// The longest message that is sent or looked at, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// What a sender says when it had to drop something.
const LOST: &str = r#"{"t":"lost"}"#;

/// A message of the channel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A hint.
    Signal(Signal),
    /// The sender dropped hints that nobody will ever see.
    Lost,
}

impl Message {
    /// The message as text; `None` when it is longer than [`MESSAGE_BYTES_MAX`].
    pub(crate) fn encode(&self) -> Option<String> {
        let text = match self {
            Self::Signal(signal) => serde_json::to_string(signal).ok()?,
            Self::Lost => LOST.to_owned(),
        };
        (text.len() <= MESSAGE_BYTES_MAX).then_some(text)
    }

    /// The message in `bytes`, or why it is none.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(format!("{} bytes are more than {MESSAGE_BYTES_MAX}", bytes.len()));
        }
        if bytes == LOST.as_bytes() {
            return Ok(Self::Lost);
        }
        serde_json::from_slice(bytes).map(Self::Signal).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_refused() {
        let long = vec![b' '; MESSAGE_BYTES_MAX + 1];
        for bytes in [&b""[..], b"hello", b"{}", b"{\"t\":\"unknown\"}", b"\xff\xfe", &long] {
            assert!(Message::decode(bytes).is_err());
        }
    }

    #[test]
    fn what_is_too_long_is_not_sent() {
        let types = vec!["x".repeat(MESSAGE_BYTES_MAX)];
        assert_eq!(Message::Signal(Signal::Appended { types, tx: 1 }).encode(), None);
    }

    #[test]
    fn a_message_comes_back_as_it_went() {
        for message in
            [Message::Lost, Message::Signal(Signal::Appended { types: vec!["todo".to_owned()], tx: 1 })]
        {
            assert_eq!(Message::decode(message.encode().unwrap().as_bytes()), Ok(message));
        }
    }
}
