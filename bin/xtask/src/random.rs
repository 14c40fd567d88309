//! Secrets and digests.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use aws_lc_rs::{digest, rand};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const PASSWORD_BYTES: usize = 16;
const DATA_KEY_BYTES: usize = 32;

/// Letters and digits only, so that it can stand in a URL and in a dotenv file as it is.
pub(crate) fn password() -> Result<String> {
    Ok(hex(&bytes::<PASSWORD_BYTES>()?))
}

/// A password that satisfies people's rules: a capital and a digit are always in it.
pub(crate) fn person_password() -> Result<String> {
    Ok(format!("Demo-{}-7", hex(&bytes::<8>()?)))
}

/// The key that seals personal data: 32 random bytes in base64.
pub(crate) fn data_key() -> Result<String> {
    Ok(STANDARD.encode(bytes::<DATA_KEY_BYTES>()?))
}

/// A short random word for names that must not collide.
pub(crate) fn suffix() -> Result<String> {
    Ok(hex(&bytes::<3>()?))
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(data: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, data).as_ref())
}

fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| anyhow!("the system gave no random bytes"))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_published_one() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_data_key_is_32_bytes_in_base64() {
        assert_eq!(STANDARD.decode(data_key().unwrap()).unwrap().len(), 32);
    }

    #[test]
    fn a_persons_password_has_a_capital_and_a_digit() {
        let password = person_password().unwrap();
        assert!(password.contains(char::is_uppercase));
        assert!(password.ends_with(|last: char| last.is_ascii_digit()));
    }
}
