//! Access tokens: RS256, one key pair a surface, verified against our own keys only.
//!
//! [`RsaTokens`] is made from PEM text (PKCS#8 or PKCS#1; a value may hold literal `\n`), refuses
//! keys that are too short or no pair, and answers the `AccessTokens` port. Each surface has its
//! own pair, issuer and audience: a token of the other one is foreign here.
//!
//! # How to rotate a key
//!
//! Give the new pair as the current one and the old *public* key as a previous one: tokens signed
//! before still verify, the key set lists both, and clients choose by `kid`.
#![deny(missing_docs)]

mod cache;
mod claims;
mod key_error;
mod keys;
mod tokens;

pub use claims::audience;
pub use key_error::KeyError;
pub use keys::{KEY_BITS_MIN, generate_pair};
pub use tokens::{LEEWAY_SECONDS, RsaTokens, Surface, TOKEN_BYTES_MAX, VERIFIED_TOKENS_MAX};
