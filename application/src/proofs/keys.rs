//! The key that signs checkpoints, and those that check them: Ed25519, in PEM.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use pem::{EncodeConfig, LineEnding, Pem};
use thiserror::Error;

use super::tree::sha256;

/// What a `SubjectPublicKeyInfo` of an Ed25519 key begins with; the 32 bytes of the key follow.
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The kind of signature in C2SP's notes: Ed25519 over the text.
const NOTE_ED25519: u8 = 0x01;

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealingKeyError {
    /// Not a private key of the right kind.
    #[error("must be an Ed25519 private key in PEM (PKCS#8)")]
    Private,
    /// Not public keys of the right kind.
    #[error("must be Ed25519 public keys in PEM")]
    Public,
    /// The system gave no randomness.
    #[error("the key could not be made")]
    Failed,
}

/// Signs checkpoints.
pub struct SealingKey {
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

/// Checks them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// The one private key in `text`. Line ends may be written as the two characters `\n`.
    pub fn read(text: &str) -> Result<Self, SealingKeyError> {
        let blocks = blocks(text).ok_or(SealingKeyError::Private)?;
        let [block] = blocks.as_slice() else { return Err(SealingKeyError::Private) };
        if block.tag() != "PRIVATE KEY" {
            return Err(SealingKeyError::Private);
        }
        // What `openssl genpkey` writes has no public half in it.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(block.contents());
        let pair = pair.map_err(|_| SealingKeyError::Private)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| SealingKeyError::Private)?;
        Ok(Self { pair, public: VerifyingKey(public) })
    }

    /// A new one, in PEM.
    pub fn generate() -> Result<String, SealingKeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SealingKeyError::Failed)?;
        let der = pair.to_pkcs8v1().map_err(|_| SealingKeyError::Failed)?;
        Ok(text_of("PRIVATE KEY", der.as_ref()))
    }

    /// Its public half.
    pub fn public(&self) -> VerifyingKey {
        self.public.clone()
    }

    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

impl VerifyingKey {
    /// All public keys in `text`, at least one.
    pub fn read_all(text: &str) -> Result<Vec<Self>, SealingKeyError> {
        let blocks = blocks(text).ok_or(SealingKeyError::Public)?;
        blocks.iter().map(|block| Self::of(block).ok_or(SealingKeyError::Public)).collect()
    }

    /// The key in PEM.
    pub fn pem(&self) -> String {
        text_of("PUBLIC KEY", &[&PUBLIC_PREFIX[..], &self.0].concat())
    }

    /// The name of the key in signatures of a log.
    pub(super) fn id(&self, origin: &str) -> [u8; 4] {
        let named = [origin.as_bytes(), &[b'\n', NOTE_ED25519], &self.0].concat();
        let [a, b, c, d, ..] = sha256(&named);
        [a, b, c, d]
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn of(block: &Pem) -> Option<Self> {
        let key = block.contents().strip_prefix(&PUBLIC_PREFIX)?;
        (block.tag() == "PUBLIC KEY").then_some(())?;
        key.try_into().ok().map(Self)
    }
}

fn blocks(text: &str) -> Option<Vec<Pem>> {
    let text = text.replace("\\r", "").replace("\\n", "\n");
    pem::parse_many(text).ok().filter(|blocks| !blocks.is_empty())
}

fn text_of(tag: &str, der: &[u8]) -> String {
    pem::encode_config(&Pem::new(tag, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}
