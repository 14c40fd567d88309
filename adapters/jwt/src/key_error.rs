//! Why a key is of no use. The texts name settings, never what is in them.

use thiserror::Error;

use crate::keys::KEY_BITS_MIN;

/// Why a key is of no use; `0` is the setting that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// There is no PEM block in it.
    #[error("{0} holds no key in PEM form")]
    NotPem(&'static str),
    /// It holds several blocks where one belongs.
    #[error("{0} holds more than one key")]
    Several(&'static str),
    /// A public key where a private one belongs.
    #[error("{0} holds a public key")]
    HoldsPublic(&'static str),
    /// A private key where a public one belongs.
    #[error("{0} holds a private key")]
    HoldsPrivate(&'static str),
    /// A private key behind a passphrase.
    #[error("{0} holds an encrypted key; it must be plain PKCS#8 or PKCS#1")]
    Encrypted(&'static str),
    /// A PEM block that is no RSA key, or a damaged one.
    #[error("{0} does not hold an RSA key")]
    NotRsa(&'static str),
    /// Too few bits.
    #[error("{0} holds an RSA key that is shorter than {KEY_BITS_MIN} bits")]
    TooShort(&'static str),
    /// What the one signs, the other does not verify.
    #[error("JWT_PRIVATE_KEY and JWT_PUBLIC_KEY are not a pair")]
    NotAPair,
    /// Keys of this size are not made.
    #[error("a key of {0} bits cannot be made: 2048, 3072, 4096 or 8192")]
    UnknownSize(usize),
    /// The cryptography library failed.
    #[error("the key could not be made or used")]
    Failed,
}
