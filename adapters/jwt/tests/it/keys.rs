//! Which keys are taken, and what is said of the others.

use adapter_jwt::{KeyError, RsaTokens, Surface, generate_pair};
use application::{Platform, ports::AccessTokens};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pem::Pem;

use crate::odd_keys::{curve, short};
use crate::rig::{NOW, Pair, a_user, at, foreign, issue, own, tokens_of, user_tokens};

#[test]
fn keys_that_are_none_are_named_by_their_setting() {
    let (private, public) = (own().private.as_str(), own().public.as_str());
    let encrypted = pem::encode(&Pem::new("ENCRYPTED PRIVATE KEY", b"x".to_vec()));
    let damaged = pem::encode(&Pem::new("PRIVATE KEY", b"x".to_vec()));
    let (short, curve) = (short(), curve());
    let two = format!("{public}{}", foreign().public);
    for (private, public, expected) in [
        ("", public, KeyError::NotPem("JWT_PRIVATE_KEY")),
        ("secret", public, KeyError::NotPem("JWT_PRIVATE_KEY")),
        (public, public, KeyError::HoldsPublic("JWT_PRIVATE_KEY")),
        (&encrypted, public, KeyError::Encrypted("JWT_PRIVATE_KEY")),
        (&damaged, public, KeyError::NotRsa("JWT_PRIVATE_KEY")),
        (&curve.private, public, KeyError::NotRsa("JWT_PRIVATE_KEY")),
        (&short.private, &short.public, KeyError::TooShort("JWT_PRIVATE_KEY")),
        (private, "", KeyError::NotPem("JWT_PUBLIC_KEY")),
        (private, private, KeyError::HoldsPrivate("JWT_PUBLIC_KEY")),
        (private, &curve.public, KeyError::NotRsa("JWT_PUBLIC_KEY")),
        (private, &short.public, KeyError::TooShort("JWT_PUBLIC_KEY")),
        (private, &two, KeyError::Several("JWT_PUBLIC_KEY")),
        (private, &foreign().public, KeyError::NotAPair),
    ] {
        assert_eq!(refusal(private, public, ""), expected);
    }
    assert_eq!(refusal(private, public, private), KeyError::HoldsPrivate("JWT_PUBLIC_KEYS_PREVIOUS"));
    assert_eq!(refusal(private, public, "old"), KeyError::NotPem("JWT_PUBLIC_KEYS_PREVIOUS"));
    assert_eq!(generate_pair(1024).unwrap_err(), KeyError::UnknownSize(1024));
}

#[test]
fn the_texts_say_which_setting_and_nothing_of_the_key() {
    assert_eq!(KeyError::HoldsPublic("JWT_PRIVATE_KEY").to_string(), "JWT_PRIVATE_KEY holds a public key");
    assert_eq!(KeyError::NotAPair.to_string(), "JWT_PRIVATE_KEY and JWT_PUBLIC_KEY are not a pair");
}

#[test]
fn both_forms_of_both_keys_are_the_same_keys() {
    let token = issue(&user_tokens(), &a_user());
    let (private, public) = (old_private(&own().private), old_public(&own().public));
    for (private, public) in
        [(private.clone(), own().public.clone()), (own().private.clone(), public.clone()), (private, public)]
    {
        let tokens = tokens_of(Platform::User, &Pair { private, public }, "");
        assert!(tokens.verify(&token, at(NOW)).is_ok());
        assert!(user_tokens().verify(&issue(&tokens, &a_user()), at(NOW)).is_ok());
        assert_eq!(tokens.jwks(), user_tokens().jwks());
    }
}

#[test]
fn one_line_settings_with_written_line_ends_work() {
    for end in ["\\n", "\\r\\n", "\r\n"] {
        let one_line = |text: &str| text.replace('\n', end);
        let pair = Pair { private: one_line(&own().private), public: one_line(&own().public) };
        let tokens = tokens_of(Platform::User, &pair, &one_line(&foreign().public));
        assert_eq!(tokens.jwks()["keys"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_key_set_names_keys_by_their_thumbprint() {
    let jwk = &user_tokens().jwks()["keys"][0];
    let (n, e) = (jwk["n"].as_str().unwrap(), jwk["e"].as_str().unwrap());
    let members = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    assert_eq!(jwk["kid"], URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes())));
    assert_eq!((&jwk["kty"], &jwk["use"], &jwk["alg"]), (&"RSA".into(), &"sig".into(), &"RS256".into()));
    assert_eq!(URL_SAFE_NO_PAD.decode(n).unwrap().len(), 256);
    assert_eq!(e, "AQAB");
    assert_eq!(jwk.as_object().unwrap().len(), 6, "nothing private is in it");
}

fn refusal(private_pem: &str, public_pem: &str, previous_pems: &str) -> KeyError {
    RsaTokens::new(Surface { platform: Platform::User, private_pem, public_pem, previous_pems }).unwrap_err()
}

/// PKCS#8 wraps the PKCS#1 key in 26 bytes for keys of this size: version, algorithm, lengths.
fn old_private(pem: &str) -> String {
    const WRAPPING: usize = 26;
    let block = pem::parse(pem).unwrap();
    pem::encode(&Pem::new("RSA PRIVATE KEY", &block.contents()[WRAPPING..]))
}

/// The same of the public key: 24 bytes.
fn old_public(pem: &str) -> String {
    const WRAPPING: usize = 24;
    let block = pem::parse(pem).unwrap();
    pem::encode(&Pem::new("RSA PUBLIC KEY", &block.contents()[WRAPPING..]))
}
