//! Tokens made by somebody else, or by somebody in a hurry: none is let in.

use adapter_jwt::{LEEWAY_SECONDS, TOKEN_BYTES_MAX};
use application::Platform;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::rig::{
    LIFETIME, NOW, a_user, an_operator, claims, foreign, forge, forge_own, header, issue, own, part, refused,
    tokens_of, user_tokens, verify, with,
};

#[test]
fn the_forge_itself_makes_good_tokens() {
    assert!(verify(&forge_own(&header(), &claims())).is_ok());
}

#[test]
fn no_algorithm_no_entry() {
    for name in ["none", "None", "NONE", "nOnE", "", "rs256"] {
        let head = part(&with(header(), json!({ "alg": name })));
        let good = issue(&user_tokens(), &a_user());
        let signature = good.rsplit('.').next().unwrap();
        refused(&format!("{head}.{}.", part(&claims())));
        refused(&format!("{head}.{}.{signature}", part(&claims())));
    }
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let secrets = [own().public.clone(), own().public.trim().to_owned(), String::new()];
    for (secret, (name, algorithm)) in secrets.iter().flat_map(|secret| {
        let hmacs = [
            ("HS256", Algorithm::HS256),
            ("HS384", Algorithm::HS384),
            ("HS512", Algorithm::HS512),
            ("RS256", Algorithm::HS256),
        ];
        hmacs.map(|hmac| (secret, hmac))
    }) {
        let head = with(header(), json!({ "alg": name }));
        refused(&forge(&head, &claims(), &EncodingKey::from_secret(secret.as_bytes()), algorithm));
    }
}

#[test]
fn other_rsa_algorithms_of_the_right_key_are_refused() {
    let key = EncodingKey::from_rsa_pem(own().private.as_bytes()).unwrap();
    for (name, algorithm) in [
        ("RS384", Algorithm::RS384),
        ("RS512", Algorithm::RS512),
        ("PS256", Algorithm::PS256),
        ("RS256", Algorithm::PS256),
        ("RS256", Algorithm::RS512),
    ] {
        refused(&forge(&with(header(), json!({ "alg": name })), &claims(), &key, algorithm));
    }
}

#[test]
fn another_key_under_our_name_is_refused() {
    let key = EncodingKey::from_rsa_pem(foreign().private.as_bytes()).unwrap();
    refused(&forge(&header(), &claims(), &key, Algorithm::RS256));
}

#[test]
fn a_token_of_the_other_surface_is_refused() {
    let portal = tokens_of(Platform::Portal, foreign(), "");
    refused(&issue(&portal, &an_operator()));
}

#[test]
fn a_key_name_is_looked_up_and_nothing_else() {
    let names = [
        json!("../../../../dev/null"),
        json!("/etc/passwd"),
        json!("' OR '1'='1"),
        json!("x' UNION SELECT 'secret' --"),
        json!("https://evil.example/jwks.json"),
        json!(""),
        json!(7),
        json!(["a"]),
        Value::Null,
    ];
    for name in names {
        refused(&forge_own(&with(header(), json!({ "kid": name })), &claims()));
    }
}

#[test]
fn a_token_does_not_bring_its_own_key() {
    let mut jwk = tokens_of(Platform::User, foreign(), "").jwks()["keys"][0].clone();
    let key = EncodingKey::from_rsa_pem(foreign().private.as_bytes()).unwrap();
    for kid in [jwk["kid"].clone(), header()["kid"].clone()] {
        jwk["kid"] = kid.clone();
        for brought in [
            json!({ "jwk": jwk }),
            json!({ "jku": "https://evil.example/jwks.json" }),
            json!({ "x5u": "https://evil.example/cert.pem" }),
            json!({ "x5c": ["MIIB"] }),
            json!({ "crit": ["exp"] }),
        ] {
            let head = with(with(header(), json!({ "kid": kid })), brought);
            refused(&forge(&head, &claims(), &key, Algorithm::RS256));
            refused(&forge_own(&head, &claims()));
        }
    }
}

#[test]
fn claims_of_the_wrong_form_or_for_somebody_else_are_refused() {
    let wrong = [
        json!({ "exp": null }),
        json!({ "exp": (NOW + LIFETIME).to_string() }),
        json!({ "exp": true }),
        json!({ "exp": i64::MAX }),
        json!({ "exp": -1 }),
        json!({ "exp": NOW - LEEWAY_SECONDS }),
        json!({ "exp": NOW - 3600 }),
        json!({ "nbf": NOW + LEEWAY_SECONDS + 1 }),
        json!({ "nbf": "now" }),
        json!({ "aud": null }),
        json!({ "aud": "enterprise-todo-portal-api" }),
        json!({ "aud": ["enterprise-todo-portal-api"] }),
        json!({ "aud": "" }),
        json!({ "iss": null }),
        json!({ "iss": "enterprise-todo-portal" }),
        json!({ "iss": "enterprise-todo " }),
        json!({ "sub": null }),
        json!({ "sub": "admin" }),
        json!({ "platform": null }),
        json!({ "platform": "root" }),
        json!({ "tenantId": null }),
        json!({ "tenantId": "*" }),
        json!({ "sid": null }),
        json!({ "roles": "Owner" }),
    ];
    for change in wrong {
        refused(&forge_own(&header(), &with(claims(), change)));
    }
}

#[test]
fn a_claim_that_is_there_twice_is_refused() {
    let text = claims().to_string().replacen('{', r#"{"platform":"user","#, 1);
    let message = format!("{}.{}", part(&header()), URL_SAFE_NO_PAD.encode(text));
    let key = EncodingKey::from_rsa_pem(own().private.as_bytes()).unwrap();
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::RS256).unwrap();
    refused(&format!("{message}.{signature}"));
}

#[test]
fn a_token_cut_anywhere_is_refused() {
    let good = issue(&user_tokens(), &a_user());
    let (first, second) = (good.find('.').unwrap(), good.rfind('.').unwrap());
    for end in [0, 1, first / 2, first, first + 1, usize::midpoint(first, second), second, second + 1] {
        refused(&good[..end]);
    }
    for end in [usize::midpoint(second, good.len()), good.len() - 2, good.len() - 1] {
        refused(&good[..end]);
    }
    for odd in ["", ".", "..", "...", "a.b.c", "\u{0}.\u{0}.\u{0}", "ü.ü.ü"] {
        refused(odd);
    }
    for padded in [format!("{good}="), format!("{good}."), format!("{good} "), format!(" {good}")] {
        refused(&padded);
    }
}

#[test]
fn a_flipped_bit_is_refused() {
    let good = issue(&user_tokens(), &a_user());
    let parts: Vec<&str> = good.split('.').collect();
    for (place, part) in parts.iter().enumerate() {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        for (byte, bit) in
            [0, bytes.len() / 2, bytes.len() - 1].iter().flat_map(|&byte| (0..8).map(move |bit| (byte, bit)))
        {
            let mut flipped = bytes.clone();
            flipped[byte] ^= 1 << bit;
            let mut changed: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            changed[place] = URL_SAFE_NO_PAD.encode(&flipped);
            refused(&changed.join("."));
        }
    }
}

#[test]
fn a_signature_has_one_spelling_only() {
    // 256 bytes fill 341 characters and a third of one more: its last 4 bits mean nothing, and a
    // lenient decoder would take 16 texts for the same signature.
    let good = issue(&user_tokens(), &a_user());
    let (rest, last) = good.split_at(good.len() - 1);
    let mut others = 0;
    for other in ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']) {
        if !last.starts_with(other) {
            refused(&format!("{rest}{other}"));
            others += 1;
        }
    }
    assert_eq!(others, 63);
}

#[test]
fn a_payload_under_somebody_elses_signature_is_refused() {
    let good = issue(&user_tokens(), &a_user());
    let signature = good.rsplit('.').next().unwrap();
    let richer = with(claims(), json!({ "roles": ["Owner"] }));
    refused(&format!("{}.{}.{signature}", part(&header()), part(&richer)));
}

#[test]
fn a_token_that_is_too_long_is_not_even_parsed() {
    let long = with(claims(), json!({ "padding": "x".repeat(TOKEN_BYTES_MAX) }));
    refused(&forge_own(&header(), &long));
    refused(&"a".repeat(10 * 1024 * 1024));
}
