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
    resigned(token, surface, |claims| claims["platform"] = other.into())
}

/// A good token of a session whose password was shown so many seconds ago; of one that does not say
/// when, without them.
pub(crate) fn confirmed_before(token: &str, surface: &str, seconds: Option<i64>) -> String {
    let issued = claims(token)["iat"].as_i64().expect("a time");
    resigned(token, surface, |claims| match seconds {
        Some(seconds) => claims["auth_time"] = (issued - seconds).into(),
        None => drop(claims.as_object_mut().expect("claims").remove("auth_time")),
    })
}

/// What a token says.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("claims")
}

/// A good token of a surface with other claims, signed with the surface's own key.
fn resigned(token: &str, surface: &str, change: impl FnOnce(&mut Value)) -> String {
    let header = token.split('.').next().expect("a header");
    let mut claims = claims(token);
    assert_eq!(claims["platform"], surface);
    change(&mut claims);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let pem = key(&format!("{surface}_private_dev.pem"));
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).expect("PEM")).expect("a key");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("signs");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
