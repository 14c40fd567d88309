//! Time, identity and randomness come in as data.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Timestamp, TokenHash};
use uuid::Uuid;

/// What time it is.
pub trait Clock: Send + Sync + 'static {
    /// Now, in whole microseconds, as Postgres keeps them.
    fn now(&self) -> Timestamp;
}

/// New ids and secrets.
pub trait Entropy: Send + Sync + 'static {
    /// A new `UUIDv7`.
    fn id(&self) -> Uuid;
    /// 32 bytes nobody can guess.
    fn secret(&self) -> [u8; 32];
}

/// A new random token in its clear form.
pub fn fresh_token(entropy: &dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(entropy.secret())
}

/// The form in which a token is stored.
pub fn hash_token(clear: &str) -> TokenHash {
    TokenHash::new(URL_SAFE_NO_PAD.encode(digest(&SHA256, clear.as_bytes())))
}
