//! RSA keys: read from PEM, checked, named, shown in a key set, made.

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::AsDer,
    rsa::{KeySize, PublicKey},
    signature::{KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use pem::{EncodeConfig, LineEnding, Pem};
use serde_json::{Value, json};

use crate::KeyError;

/// The shortest modulus that is accepted, in bits.
pub const KEY_BITS_MIN: usize = 2048;

/// The tag and length of the largest DER header there is for a key.
const DER_LENGTH_BYTES_MAX: usize = 4;

/// A key that verifies, under the name tokens call it by.
pub(crate) struct VerifyingKey {
    /// The RFC 7638 thumbprint.
    pub(crate) kid: String,
    pub(crate) key: DecodingKey,
    der: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// A key that signs, and the public half it has.
pub(crate) struct SigningKey {
    pub(crate) key: EncodingKey,
    public_der: Vec<u8>,
}

impl VerifyingKey {
    /// The one public key in `text`.
    pub(crate) fn read(setting: &'static str, text: &str) -> Result<Self, KeyError> {
        Self::from_pem(setting, &one_block(setting, text)?)
    }

    /// All public keys in `text`; none in an empty one.
    pub(crate) fn read_all(setting: &'static str, text: &str) -> Result<Vec<Self>, KeyError> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        blocks(setting, text)?.iter().map(|block| Self::from_pem(setting, block)).collect()
    }

    /// The key as the key set shows it.
    pub(crate) fn jwk(&self) -> Value {
        let (n, e) = (URL_SAFE_NO_PAD.encode(&self.modulus), URL_SAFE_NO_PAD.encode(&self.exponent));
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e })
    }

    /// Whether this is the public half of `signing`.
    pub(crate) fn belongs_to(&self, signing: &SigningKey) -> bool {
        self.der == signing.public_der
    }

    fn from_pem(setting: &'static str, block: &Pem) -> Result<Self, KeyError> {
        match block.tag() {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => {}
            tag if tag.ends_with("PRIVATE KEY") => return Err(KeyError::HoldsPrivate(setting)),
            _ => return Err(KeyError::NotRsa(setting)),
        }
        let public = PublicKey::from_der(block.contents()).map_err(|_| KeyError::NotRsa(setting))?;
        let (modulus, exponent) = components(public.as_ref()).ok_or(KeyError::NotRsa(setting))?;
        if bits(modulus) < KEY_BITS_MIN {
            return Err(KeyError::TooShort(setting));
        }
        Ok(Self {
            kid: thumbprint(modulus, exponent),
            key: DecodingKey::from_rsa_der(public.as_ref()),
            der: public.as_ref().to_vec(),
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }
}

impl SigningKey {
    /// The one private key in `text`.
    pub(crate) fn read(setting: &'static str, text: &str) -> Result<Self, KeyError> {
        let block = one_block(setting, text)?;
        let read = match block.tag() {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(block.contents()),
            "RSA PRIVATE KEY" if block.headers().get("DEK-Info").is_some() => {
                return Err(KeyError::Encrypted(setting));
            }
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(block.contents()),
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted(setting)),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(KeyError::HoldsPublic(setting)),
            _ => return Err(KeyError::NotRsa(setting)),
        };
        // The library has no typed reason; "TooSmall" is the name it prints for a short modulus.
        let pair = read.map_err(|rejected| match rejected.to_string().as_str() {
            "TooSmall" => KeyError::TooShort(setting),
            _ => KeyError::NotRsa(setting),
        })?;
        let public_der = pair.public_key().as_ref().to_vec();
        if components(&public_der).is_none_or(|(modulus, _)| bits(modulus) < KEY_BITS_MIN) {
            return Err(KeyError::TooShort(setting));
        }
        let key = EncodingKey::from_rsa_pem(pem::encode(&block).as_bytes());
        Ok(Self { key: key.map_err(|_| KeyError::NotRsa(setting))?, public_der })
    }
}

/// A new pair as PEM: the private key in PKCS#8, the public one as `SubjectPublicKeyInfo`.
/// Sizes are those the library makes: 2048, 3072, 4096 and 8192 bits. It takes up to seconds.
pub fn generate_pair(bits: usize) -> Result<(String, String), KeyError> {
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        8192 => KeySize::Rsa8192,
        _ => return Err(KeyError::UnknownSize(bits)),
    };
    let pair = RsaKeyPair::generate(size).map_err(|_| KeyError::Failed)?;
    let private = pair.as_der().map_err(|_| KeyError::Failed)?;
    let public = pair.public_key().as_der().map_err(|_| KeyError::Failed)?;
    let text = |tag: &str, der: &[u8]| {
        pem::encode_config(&Pem::new(tag, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
    };
    Ok((text("PRIVATE KEY", private.as_ref()), text("PUBLIC KEY", public.as_ref())))
}

fn one_block(setting: &'static str, text: &str) -> Result<Pem, KeyError> {
    let mut blocks = blocks(setting, text)?;
    match (blocks.pop(), blocks.is_empty()) {
        (Some(block), true) => Ok(block),
        (Some(_), false) => Err(KeyError::Several(setting)),
        (None, _) => Err(KeyError::NotPem(setting)),
    }
}

/// The PEM blocks of a setting, at least one. Values that came through one-line settings hold
/// their line ends as the two characters `\n`.
fn blocks(setting: &'static str, text: &str) -> Result<Vec<Pem>, KeyError> {
    let text = text.replace("\\r", "").replace("\\n", "\n");
    match pem::parse_many(text) {
        Ok(blocks) if !blocks.is_empty() => Ok(blocks),
        Ok(_) | Err(_) => Err(KeyError::NotPem(setting)),
    }
}

fn bits(modulus: &[u8]) -> usize {
    let leading = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    modulus.len() * 8 - leading
}

fn thumbprint(modulus: &[u8], exponent: &[u8]) -> String {
    let (n, e) = (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
    // RFC 7638: these members, in this order, without spaces.
    let members = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
}

/// Modulus and exponent of a DER `RSAPublicKey`: a sequence of two integers.
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    let (sequence, _) = element(SEQUENCE, der)?;
    let (modulus, rest) = integer(sequence)?;
    let (exponent, _) = integer(rest)?;
    Some((modulus, exponent))
}

fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const INTEGER: u8 = 0x02;
    let (value, rest) = element(INTEGER, der)?;
    // A leading zero only keeps the sign positive.
    Some((value.strip_prefix(&[0]).unwrap_or(value), rest))
}

/// The content of the DER element at the start of `der`, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    const LONG_FORM: u8 = 0x80;
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    if first < LONG_FORM {
        return rest.split_at_checked(usize::from(first));
    }
    let bytes = usize::from(first - LONG_FORM);
    if bytes > DER_LENGTH_BYTES_MAX {
        return None;
    }
    let (length, rest) = rest.split_at_checked(bytes)?;
    rest.split_at_checked(length.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)))
}
