//! Keys of tokens: strong, and in pairs.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeyPair,
    signature::KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// How long a key has to be, in bits.
pub const BITS_MIN: usize = 4096;

/// What a PEM holds.
pub fn der(pem: &str) -> Option<Vec<u8>> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).ok()
}

/// A private key.
pub struct PrivateKey(KeyPair);

impl PrivateKey {
    /// Reads a PEM (PKCS#8 or PKCS#1).
    pub fn read(pem: &str) -> Option<Self> {
        let der = der(pem)?;
        KeyPair::from_pkcs8(&der).or_else(|_| KeyPair::from_der(&der)).ok().map(Self)
    }

    /// Its length.
    pub fn bits(&self) -> usize {
        self.0.public_modulus_len() * 8
    }

    /// Whether that PEM is its public half.
    pub fn is_of(&self, public_pem: &str) -> bool {
        let own = AsDer::<PublicKeyX509Der<'_>>::as_der(self.0.public_key()).ok();
        own.is_some_and(|own| der(public_pem).as_deref() == Some(own.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{encoding::Pkcs8V1Der, rsa::KeySize};

    use super::*;

    fn pem(kind: &str, der: &[u8]) -> String {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
    }

    #[test]
    fn a_key_knows_its_own_half_and_no_other() {
        let made = [KeySize::Rsa2048, KeySize::Rsa2048].map(|size| KeyPair::generate(size).unwrap());
        let private = |pair: &KeyPair| {
            let der = AsDer::<Pkcs8V1Der<'_>>::as_der(pair).unwrap();
            pem("PRIVATE KEY", der.as_ref())
        };
        let public = |pair: &KeyPair| {
            let der = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
            pem("PUBLIC KEY", der.as_ref())
        };
        let own = PrivateKey::read(&private(&made[0])).unwrap();
        assert_eq!(own.bits(), 2048);
        assert!(own.is_of(&public(&made[0])) && !own.is_of(&public(&made[1])));
        assert!(!own.is_of("") && !own.is_of(&private(&made[0])));
        assert!(PrivateKey::read(&public(&made[0])).is_none() && PrivateKey::read("").is_none());
    }
}
