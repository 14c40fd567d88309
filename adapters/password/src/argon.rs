//! The hash function itself and its settings. What is here blocks.

use application::ports::HashError;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use aws_lc_rs::rand;

/// Memory of one hashing, in KiB: 19 MiB.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// How often the memory is gone through.
pub const PASSES: u32 = 2;
/// Lanes of one hashing; more would need threads of their own.
pub const LANES: u32 = 1;
/// Bytes of fresh salt in each hash.
pub const SALT_BYTES: usize = 16;

/// The hash of `clear` under fresh salt, as a PHC string.
pub(crate) fn hash(clear: &str) -> Result<String, HashError> {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).map_err(|_| HashError::Failed("no randomness".to_owned()))?;
    let salt = SaltString::encode_b64(&salt).map_err(failed)?;
    argon()?.hash_password(clear.as_bytes(), &salt).map(|hash| hash.to_string()).map_err(failed)
}

/// Whether `clear` belongs to `hash`. The settings in the hash count, so that hashes of older
/// settings still verify.
pub(crate) fn verify(clear: &str, hash: &str) -> Result<bool, HashError> {
    let hash = PasswordHash::new(hash).map_err(failed)?;
    match argon()?.verify_password(clear.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::Password) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn argon() -> Result<Argon2<'static>, HashError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| HashError::Failed(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: password_hash::Error) -> HashError {
    HashError::Failed(error.to_string())
}
