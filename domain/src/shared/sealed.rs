//! Values that are unreadable without a key: the domain carries them, it never opens them.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a stored form.
            pub fn new(stored: impl Into<String>) -> Self {
                Self(stored.into())
            }
            /// The stored form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

opaque!(
    /// Personal data, encrypted with the key of the person it speaks of. Equal clear texts of one
    /// person and field have equal sealed forms, so that "nothing changed" can be seen without
    /// opening them. Whoever destroys the key erases the data everywhere at once.
    Sealed
);
opaque!(
    /// A keyed hash of a value, to look it up and to keep it unique without storing it.
    BlindIndex
);
opaque!(
    /// The SHA-256 of a random token; the token itself is never stored in clear.
    TokenHash
);
