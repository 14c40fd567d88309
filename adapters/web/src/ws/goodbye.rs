//! Why a socket is closed.

use poem::web::websocket::Message;

use crate::TokenRefused;

/// Why a socket is closed: a code and words for whoever reads the close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goodbye {
    code: u16,
    reason: &'static str,
}

impl Goodbye {
    pub(super) const GOING_AWAY: Self = Self::new(1001, "the server is going away, please connect again");
    pub(super) const TOO_LARGE: Self = Self::new(1009, "message too large");
    pub(super) const DOES_NOT_READ: Self =
        Self::new(1013, "the client does not read; connect again with a cursor");
    pub(super) const SILENT: Self = Self::new(1001, "the client is silent");
    pub(super) const NOT_TEXT: Self = Self::new(4400, "messages must be text");
    pub(super) const MALFORMED: Self = Self::new(4400, "malformed message");
    pub(super) const UNKNOWN_TYPE: Self = Self::new(4400, "unknown message type");
    pub(super) const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    pub(super) const FORBIDDEN: Self = Self::new(4403, "Forbidden");
    pub(super) const WRONG_PLATFORM: Self = Self::new(4403, "Forbidden: a token of the other surface");
    pub(super) const EXPIRED: Self = Self::new(4403, "Forbidden: the token no longer works");
    pub(super) const UNAVAILABLE: Self = Self::new(1013, "temporarily unavailable, please connect again");
    pub(super) const GUESSED: Self = Self::new(4403, "Forbidden: too many keys that are nobody's");
    pub(super) const FEWER_RIGHTS: Self =
        Self::new(4403, "Forbidden: your rights have changed, please connect again");
    pub(super) const SUBPROTOCOL: Self = Self::new(4406, "Subprotocol not acceptable");
    pub(super) const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    pub(super) const DUPLICATE: Self = Self::new(4409, "Subscriber already exists");
    pub(super) const SECOND_INIT: Self = Self::new(4429, "Too many initialisation requests");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// The close frame.
    pub(super) fn frame(&self) -> Message {
        Message::close_with(self.code, self.reason)
    }
}

impl From<TokenRefused> for Goodbye {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::Invalid => Self::FORBIDDEN,
            TokenRefused::Guessed(_) => Self::GUESSED,
            TokenRefused::Unavailable => Self::UNAVAILABLE,
            TokenRefused::WrongPlatform { .. } => Self::WRONG_PLATFORM,
        }
    }
}
