//! The hash function itself and its settings. What is here blocks.

use application::ports::HashError;
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{self, Output, ParamsString, PasswordHash, Salt, SaltString},
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

/// The memory of a hashing. What was in it before does not matter.
pub(crate) type Memory = Vec<Block>;

/// The hash of `clear` under fresh salt, as a PHC string.
pub(crate) fn hash(clear: &str, memory: &mut Memory) -> Result<String, HashError> {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).map_err(|_| HashError::Failed("no randomness".to_owned()))?;
    let salt = SaltString::encode_b64(&salt).map_err(failed)?;
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| HashError::Failed(error.to_string()))?;
    let written = ParamsString::try_from(&params).map_err(failed)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let output = output(&argon, clear, salt.as_salt(), memory).map_err(failed)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: written,
        salt: Some(salt.as_salt()),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

/// Whether `clear` belongs to `hash`. The settings in the hash count, so that hashes of older
/// settings still verify.
pub(crate) fn verify(clear: &str, hash: &str, memory: &mut Memory) -> Result<bool, HashError> {
    let hash = PasswordHash::new(hash).map_err(failed)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Err(HashError::Failed("the stored hash has no salt or no hash in it".to_owned()));
    };
    let algorithm = Algorithm::try_from(hash.algorithm).map_err(failed)?;
    let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from);
    let version = version.map_err(|error| HashError::Failed(error.to_string()))?;
    let params = Params::try_from(&hash).map_err(failed)?;
    let output = output(&Argon2::new(algorithm, version, params), clear, salt, memory).map_err(failed)?;
    // Takes as long wherever they differ.
    Ok(output == expected)
}

fn output(
    argon: &Argon2<'_>,
    clear: &str,
    salt: Salt<'_>,
    memory: &mut Memory,
) -> password_hash::Result<Output> {
    let mut bytes = [0; Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut bytes)?;
    memory.resize(argon.params().block_count().max(memory.len()), Block::new());
    let length = argon.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    Output::init_with(length, |out| {
        Ok(argon.hash_password_into_with_memory(clear.as_bytes(), salt, out, memory)?)
    })
}

fn failed(error: password_hash::Error) -> HashError {
    HashError::Failed(error.to_string())
}
