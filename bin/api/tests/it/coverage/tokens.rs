//! Tokens that only our own mistakes could make: the right key, the wrong surface.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;

use crate::environment::key;

/// A good token of a surface with another `platform` in it, signed with the surface's own key.
pub(crate) fn of_the_wrong_platform(token: &str, surface: &str) -> String {
    let other = if surface == "user" { "portal" } else { "user" };
    let mut parts = token.split('.');
    let (header, payload) = (parts.next().expect("a header"), parts.next().expect("a payload"));
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64");
    let mut claims: Value = serde_json::from_slice(&payload).expect("claims");
    assert_eq!(claims["platform"], surface);
    claims["platform"] = other.into();
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let pem = key(&format!("{surface}_private_dev.pem"));
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).expect("PEM")).expect("a key");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("signs");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
