//! RSA key pairs in PEM files, made here so that no other program is needed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::dotenv::write_private;

const PEM_LINE_CHARS: usize = 64;

/// The two files of one pair.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
}

/// How strong a pair has to be: what people run gets 4096 bits; tests get the smallest size that
/// is accepted, because making a large one takes seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Strength {
    Development,
    Test,
}

/// The pair in these files; made when one of them is missing.
pub(crate) fn ensure(folder: &Path, names: (&str, &str), strength: Strength) -> Result<Pair> {
    fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let pair = Pair { private: folder.join(names.0), public: folder.join(names.1) };
    if pair.private.exists() && pair.public.exists() {
        return Ok(pair);
    }
    let (private, public) = generate(strength)?;
    write_private(&pair.private, private.as_bytes())?;
    write_private(&pair.public, public.as_bytes())?;
    Ok(pair)
}

/// The key that seals the audit trail: Ed25519 in PKCS#8, its line ends written as `\n`, so that it
/// fits into one line of a file of settings.
pub(crate) fn sealing() -> Result<String> {
    let failed = |_| anyhow!("could not generate an Ed25519 key");
    let der = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(failed)?;
    Ok(pem("PRIVATE KEY", der.as_ref()).trim_end().replace('\n', "\\n"))
}

/// PKCS#8 private and SPKI public text.
fn generate(strength: Strength) -> Result<(String, String)> {
    let size = match strength {
        Strength::Development => KeySize::Rsa4096,
        Strength::Test => KeySize::Rsa2048,
    };
    let failed = |_| anyhow!("could not generate an RSA key pair");
    let pair = KeyPair::generate(size).map_err(failed)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref())))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {label}-----")];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so any position is a character boundary.
        let (line, tail) = rest.split_at(PEM_LINE_CHARS.min(rest.len()));
        lines.push(line.to_owned());
        rest = tail;
    }
    lines.push(format!("-----END {label}-----\n"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_pem_and_reads_back() {
        let (private, public) = generate(Strength::Test).unwrap();
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        let body: String = private.lines().filter(|line| !line.starts_with('-')).collect();
        KeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    }

    #[test]
    fn a_sealing_key_is_one_line_and_reads_back() {
        let text = sealing().unwrap();
        assert_eq!(text.lines().count(), 1);
        let pem = text.replace("\\n", "\n");
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&STANDARD.decode(body).unwrap()).unwrap();
    }

    #[test]
    fn pem_lines_are_short_and_nothing_is_lost() {
        let text = pem("PUBLIC KEY", &[7; 100]);
        assert!(text.lines().all(|line| line.len() <= PEM_LINE_CHARS));
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(STANDARD.decode(body).unwrap(), [7; 100]);
    }
}
