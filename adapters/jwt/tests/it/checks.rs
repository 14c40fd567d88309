//! Each check is needed: for each there is a token that everything else would let in.
//!
//! The model below knows all checks and can leave one out. A token that only the model without a
//! check lets in is refused by the verifier for that check alone, so that whoever takes the check
//! out of the verifier sees this test fail.

use adapter_jwt::{LEEWAY_SECONDS, TOKEN_BYTES_MAX};
use application::Platform;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{sign, verify},
};
use serde_json::{Value, json};

use crate::rig::{
    NOW, claims, foreign, forge, forge_own, header, own, part, refused, tokens_of, verify as verified, with,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Length,
    Algorithm,
    KeyFromHeader,
    KeyName,
    Signature,
    Issuer,
    Audience,
    Expiry,
    NotBefore,
    ExpiryIsNumber,
    Subject,
    Tenant,
    Session,
    Platform,
}

/// All tokens, each with the one check that it passes by.
fn hostile() -> Vec<(Check, String)> {
    let foreign_key = EncodingKey::from_rsa_pem(foreign().private.as_bytes()).unwrap();
    let public = EncodingKey::from_secret(own().public.as_bytes());
    let jwk = tokens_of(Platform::User, foreign(), "").jwks()["keys"][0].clone();
    let claim = |change| forge_own(&header(), &with(claims(), change));
    let unsigned = format!("{}.{}.", part(&with(header(), json!({ "alg": "none" }))), part(&claims()));
    let hs256 = with(header(), json!({ "alg": "HS256" }));
    vec![
        (Check::Length, claim(json!({ "padding": "x".repeat(TOKEN_BYTES_MAX) }))),
        (Check::Algorithm, unsigned),
        (Check::Algorithm, forge(&hs256, &claims(), &public, Algorithm::HS256)),
        (
            Check::KeyFromHeader,
            forge(&with(header(), json!({ "jwk": jwk })), &claims(), &foreign_key, Algorithm::RS256),
        ),
        (Check::KeyName, forge_own(&with(header(), json!({ "kid": "../../../etc/passwd" })), &claims())),
        (Check::KeyName, forge_own(&with(header(), json!({ "kid": "x' OR '1'='1" })), &claims())),
        (Check::Signature, forge(&header(), &claims(), &foreign_key, Algorithm::RS256)),
        (Check::Signature, {
            let good = forge_own(&header(), &claims());
            let (_, signature) = good.rsplit_once('.').unwrap();
            let richer = with(claims(), json!({ "roles": ["Owner"] }));
            format!("{}.{}.{signature}", part(&header()), part(&richer))
        }),
        (Check::Issuer, claim(json!({ "iss": "enterprise-todo-portal" }))),
        (Check::Audience, claim(json!({ "aud": "enterprise-todo-portal-api" }))),
        (Check::Expiry, claim(json!({ "exp": NOW - LEEWAY_SECONDS }))),
        (Check::NotBefore, claim(json!({ "nbf": NOW + LEEWAY_SECONDS + 1 }))),
        (Check::ExpiryIsNumber, claim(json!({ "exp": (NOW + 900).to_string() }))),
        (Check::ExpiryIsNumber, claim(json!({ "exp": null }))),
        (Check::Subject, claim(json!({ "sub": "admin" }))),
        (Check::Tenant, claim(json!({ "tenantId": null }))),
        (Check::Session, claim(json!({ "sid": null }))),
        (Check::Platform, claim(json!({ "platform": "root" }))),
    ]
}

/// What a verifier would do that leaves `without` out.
fn lets_in(token: &str, without: Option<Check>) -> bool {
    let holds = |check| without != Some(check);
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts.as_slice() else { return false };
    let (head_json, claims) = (decoded(head), decoded(body));
    let message = format!("{head}.{body}");
    let ours = &header()["kid"];
    let key = match (&head_json["jwk"], holds(Check::KeyFromHeader)) {
        (Value::Null, _) => own_key(),
        (_, true) => return false,
        (jwk, false) => {
            let text = |name: &str| jwk[name].as_str().unwrap();
            DecodingKey::from_rsa_components(text("n"), text("e")).unwrap()
        }
    };
    let signed = match head_json["alg"].as_str() {
        Some("RS256") => verify(signature, message.as_bytes(), &key, Algorithm::RS256).unwrap_or(false),
        _ if holds(Check::Algorithm) => return false,
        Some("none") => signature.is_empty(),
        Some("HS256") => {
            let secret = EncodingKey::from_secret(own().public.as_bytes());
            sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap() == *signature
        }
        _ => false,
    };
    let expires = match &claims["exp"] {
        Value::Number(number) => number.as_i64(),
        _ if holds(Check::ExpiryIsNumber) => return false,
        _ => Some(i64::MAX),
    };
    let is_id = |name: &str| claims[name].as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok());
    [
        (Check::Length, token.len() <= TOKEN_BYTES_MAX),
        (Check::KeyName, head_json["kid"] == *ours),
        (Check::Signature, signed),
        (Check::Issuer, claims["iss"] == "enterprise-todo"),
        (Check::Audience, claims["aud"] == "enterprise-todo-api"),
        (Check::Expiry, expires.is_some_and(|at| NOW < at.saturating_add(LEEWAY_SECONDS))),
        (Check::NotBefore, claims["nbf"].as_i64().is_none_or(|at| NOW >= at - LEEWAY_SECONDS)),
        (Check::Subject, is_id("sub")),
        (Check::Tenant, is_id("tenantId")),
        (Check::Session, is_id("sid")),
        (Check::Platform, claims["platform"] == "user"),
    ]
    .into_iter()
    .all(|(check, passed)| passed || !holds(check))
}

fn decoded(part: &str) -> Value {
    URL_SAFE_NO_PAD.decode(part).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

fn own_key() -> DecodingKey {
    DecodingKey::from_rsa_pem(own().public.as_bytes()).unwrap()
}

#[test]
fn the_model_and_the_verifier_let_a_good_token_in() {
    let good = forge_own(&header(), &claims());
    assert!(lets_in(&good, None) && verified(&good).is_ok());
}

#[test]
fn without_any_one_check_somebody_would_get_in() {
    for (check, token) in hostile() {
        assert!(!lets_in(&token, None), "{check:?}: the model with all checks refuses it");
        assert!(lets_in(&token, Some(check)), "{check:?}: nothing but this check stands in its way");
        refused(&token);
    }
}

#[test]
fn every_check_has_a_token_that_only_it_stops() {
    for check in [
        Check::Length,
        Check::Algorithm,
        Check::KeyFromHeader,
        Check::KeyName,
        Check::Signature,
        Check::Issuer,
        Check::Audience,
        Check::Expiry,
        Check::NotBefore,
        Check::ExpiryIsNumber,
        Check::Subject,
        Check::Tenant,
        Check::Session,
        Check::Platform,
    ] {
        assert!(hostile().iter().any(|(of, _)| *of == check), "{check:?}");
    }
}
