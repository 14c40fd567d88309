//! What can be asked of a second factor.

use crate::{Sealed, SessionId, TokenHash};

/// What can be asked of a second factor; `S` is what the aggregate knows of a session.
#[derive(Debug, Clone)]
pub enum TwoFactorCommand<S> {
    /// Give out a secret to set it up with.
    Generate {
        /// The secret, sealed.
        secret: Sealed,
    },
    /// Set it up.
    Bind {
        /// What was shown.
        attempt: Attempt,
        /// The hashes of the recovery codes.
        recovery: Vec<TokenHash>,
    },
    /// Remove it.
    Unbind {
        /// What was shown.
        attempt: Attempt,
    },
    /// Take it away from somebody who lost it.
    Reset {
        /// Why, sealed.
        grounds: Sealed,
    },
    /// The password was right: ask for it.
    Challenge {
        /// The hash of the token it is to be shown with.
        token: TokenHash,
    },
    /// Open a session: the password was checked, and this was shown.
    Pass {
        /// The hash of the token.
        token: TokenHash,
        /// What was shown.
        attempt: Attempt,
        /// The session.
        session: S,
    },
}

/// What somebody showed, compared with `secret` already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The secret it was compared with: a newer one makes it worthless.
    pub secret: Sealed,
    /// The steps near now at which it is the right code, oldest first.
    pub steps: Vec<i64>,
    /// Its hash, were it a recovery code.
    pub recovery: TokenHash,
    /// Whether it is the bypass of development and test.
    pub bypass: bool,
}

/// Shows in an open session that the same person is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Which session.
    pub session: SessionId,
    /// The password that was checked: another one by now means that the check is worth nothing.
    pub checked: Sealed,
    /// What was shown of the second factor.
    pub attempt: Option<Attempt>,
}
