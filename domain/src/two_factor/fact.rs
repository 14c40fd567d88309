//! What happens to a second factor. Each aggregate stores these under names of its own; the fields
//! are stored for ever.

use serde::{Deserialize, Serialize};

use crate::{Sealed, Timestamp, TokenHash};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A secret was given out.
    Generated(Generated),
    /// It was set up.
    Bound(Bound),
    /// It was removed.
    Unbound(Unbound),
    /// It was taken away from somebody who lost it.
    Reset(Reset),
    /// The password was right; the second factor is still to be shown.
    Challenged(Challenged),
    /// It was shown, and right.
    Passed(Passed),
    /// It was shown, and wrong.
    Refused(Refused),
}

/// By what somebody was let pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Factor {
    /// A code of the device.
    Code {
        /// The step it belongs to: no code up to this one is accepted again.
        step: i64,
    },
    /// A recovery code, which is used up.
    Recovery {
        /// Its hash.
        code: TokenHash,
    },
    /// The bypass of development and test.
    Bypass,
}

impl Factor {
    /// The step of a device's code.
    pub fn step(&self) -> Option<i64> {
        match self {
            Self::Code { step } => Some(*step),
            Self::Recovery { .. } | Self::Bypass => None,
        }
    }
}

/// A secret was given out; it counts once a code of it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The secret, sealed.
    pub secret: Sealed,
    /// When.
    pub at: Timestamp,
}

/// The secret given out last is asked for from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// What was shown.
    pub factor: Factor,
    /// The hashes of the recovery codes.
    pub recovery: Vec<TokenHash>,
    /// When.
    pub at: Timestamp,
}

/// The password alone is enough again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unbound {
    /// What was shown.
    pub factor: Factor,
    /// When.
    pub at: Timestamp,
}

/// The password alone is enough again, without the factor having been shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Why, sealed with the person's own key.
    pub grounds: Sealed,
    /// When.
    pub at: Timestamp,
}

/// The password was right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenged {
    /// The hash of the token with which the second factor is shown.
    pub challenge: TokenHash,
    /// Until when.
    pub expires_at: Timestamp,
    /// When.
    pub at: Timestamp,
}

/// The second factor was right, and its token is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The hash of the token.
    pub challenge: TokenHash,
    /// What was shown.
    pub factor: Factor,
    /// When.
    pub at: Timestamp,
}

/// A wrong code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Wrong ones in a row, this one included.
    pub wrong: u32,
    /// Until when no code is looked at.
    pub locked_until: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
}

/// Stored names for the facts, and the way from a fact to the event and back.
macro_rules! stores_two_factor {
    ($event:ident, $($variant:ident = $fact:ident,)*) => {
        impl From<$crate::two_factor::Fact> for $event {
            fn from(fact: $crate::two_factor::Fact) -> Self {
                match fact {
                    $($crate::two_factor::Fact::$fact(it) => Self::$variant(it),)*
                }
            }
        }
    };
}
pub(crate) use stores_two_factor;
