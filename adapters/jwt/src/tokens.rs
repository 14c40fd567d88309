//! Issuing and verifying.

use std::{fmt, sync::Arc};

use adapter_aside::{Aside, default_places};
use application::{
    Caller, Platform,
    ports::{AccessTokens, TokenError, TokenSession, TokenSubject},
};
use async_trait::async_trait;
use domain::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    KeyError,
    cache::{Verified, VerifiedTokens, in_time},
    claims::{Claims, audience, invalid, issuer},
    keys::{SigningKey, VerifyingKey},
};

/// By how much clocks of different machines may differ, in seconds.
pub const LEEWAY_SECONDS: i64 = 10;

/// The longest token that is looked at, in bytes. Ours have about one thousand.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How many verified tokens are remembered.
pub const VERIFIED_TOKENS_MAX: usize = 10_000;

const PRIVATE_KEY: &str = "JWT_PRIVATE_KEY";
const PUBLIC_KEY: &str = "JWT_PUBLIC_KEY";
const PREVIOUS_KEYS: &str = "JWT_PUBLIC_KEYS_PREVIOUS";

/// A surface and its keys, as PEM; values may hold literal `\n` for line ends.
#[derive(Clone, Copy)]
pub struct Surface<'a> {
    /// Whose tokens these are.
    pub platform: Platform,
    /// PKCS#8 or PKCS#1.
    pub private_pem: &'a str,
    /// `SubjectPublicKeyInfo` or PKCS#1.
    pub public_pem: &'a str,
    /// Public keys that still verify, one after the other; may be empty.
    pub previous_pems: &'a str,
}

/// The access tokens of one surface.
pub struct RsaTokens {
    platform: Platform,
    signer: Arc<Signer>,
    aside: Aside,
    /// The current key first.
    keys: Vec<VerifyingKey>,
    validation: Validation,
    verified: VerifiedTokens,
}

impl RsaTokens {
    /// Reads the keys and proves that they are a pair.
    pub fn new(surface: Surface<'_>) -> Result<Self, KeyError> {
        let signing = SigningKey::read(PRIVATE_KEY, surface.private_pem)?;
        let current = VerifyingKey::read(PUBLIC_KEY, surface.public_pem)?;
        let previous = VerifyingKey::read_all(PREVIOUS_KEYS, surface.previous_pems)?;
        probe(&signing, &current)?;

        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(current.kid.clone());
        let mut keys = vec![current];
        for key in previous {
            if keys.iter().all(|known| known.kid != key.kid) {
                keys.push(key);
            }
        }
        Ok(Self {
            platform: surface.platform,
            signer: Arc::new(Signer { key: signing, header }),
            aside: Aside::new("signature", default_places()),
            keys,
            validation: validation(surface.platform),
            verified: VerifiedTokens::holding(VERIFIED_TOKENS_MAX),
        })
    }

    /// The key set as `/.well-known/jwks.json` shows it, the current key first.
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys.iter().map(VerifyingKey::jwk).collect::<Vec<_>>() })
    }

    /// How many verified tokens are remembered now.
    pub fn remembered(&self) -> usize {
        self.verified.len()
    }

    /// The claims of a token that one of our keys signed for us. Time is not looked at.
    fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        let header = decode_header(token).map_err(|error| invalid(error.to_string()))?;
        // Keys come from our settings alone. A header that brings its own key, or demands
        // extensions, was not made by us.
        let brings_key = header.jwk.is_some() || header.jku.is_some() || header.x5u.is_some();
        if brings_key || header.x5c.is_some() || header.crit.is_some() {
            return Err(invalid("the header holds what we never put there"));
        }
        let kid = header.kid.ok_or_else(|| invalid("kid is missing"))?;
        let key = self.keys.iter().find(|key| key.kid == kid).ok_or_else(|| invalid("unknown kid"))?;
        let decoded = decode::<Claims>(token, &key.key, &self.validation);
        decoded.map(|data| data.claims).map_err(|error| invalid(error.to_string()))
    }
}

/// What signs.
struct Signer {
    key: SigningKey,
    header: Header,
}

impl Signer {
    /// The token with these claims. Blocks: a signature of RSA 4096 takes milliseconds.
    fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        encode(&self.header, claims, &self.key.key).map_err(failed)
    }
}

fn failed(error: impl fmt::Display) -> TokenError {
    TokenError::Signing(error.to_string())
}

#[async_trait]
impl AccessTokens for RsaTokens {
    async fn issue(
        &self,
        subject: &TokenSubject,
        session: TokenSession,
        id: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError> {
        let claims = Claims::of(subject, session, id, now, until);
        if claims.platform != self.platform.name() {
            return Err(failed("the subject belongs to the other surface"));
        }
        let (place, signer) = (self.aside.place().await.map_err(failed)?, Arc::clone(&self.signer));
        place.run(move || signer.sign(&claims)).await.map_err(failed)?
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(invalid("too long"));
        }
        let key = VerifiedTokens::key(token);
        if let Some(verified) = self.verified.get(&key) {
            return verified.at(now.timestamp());
        }
        let claims = self.claims(token)?;
        in_time(claims.nbf, claims.exp, now.timestamp())?;
        claims.for_platform(self.platform)?;
        let caller = claims.caller(self.platform)?;
        let (not_before, expires) = (claims.nbf, claims.exp);
        self.verified.insert(key, Verified { caller: caller.clone(), not_before, expires });
        Ok(caller)
    }
}

impl fmt::Debug for RsaTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<&str> = self.keys.iter().map(|key| key.kid.as_str()).collect();
        f.debug_struct("RsaTokens")
            .field("platform", &self.platform)
            .field("kids", &kids)
            .finish_non_exhaustive()
    }
}

/// What the library checks beside the signature. Times are ours to check: it would ask the
/// system clock.
fn validation(platform: Platform) -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_issuer(&[issuer(platform)]);
    validation.set_audience(&[audience(platform)]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

/// Proves that what `signing` signs, `public` verifies.
fn probe(signing: &SigningKey, public: &VerifyingKey) -> Result<(), KeyError> {
    const PROBE: &[u8] = b"probe";
    if !public.belongs_to(signing) {
        return Err(KeyError::NotAPair);
    }
    let signature = jsonwebtoken::crypto::sign(PROBE, &signing.key, Algorithm::RS256);
    let signature = signature.map_err(|_| KeyError::Failed)?;
    match jsonwebtoken::crypto::verify(&signature, PROBE, &public.key, Algorithm::RS256) {
        Ok(true) => Ok(()),
        Ok(false) => Err(KeyError::NotAPair),
        Err(_) => Err(KeyError::Failed),
    }
}
