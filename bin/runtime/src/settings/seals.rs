//! What seals the audit trail, and checks its seals.

use std::{path::PathBuf, sync::Arc};

use application::proofs::{SealingKey, VerifyingKey};

use super::reader::Reader;

/// Settings of seals. Without a key nothing is sealed.
#[derive(Debug, Clone, Default)]
pub struct SealSettings {
    /// Signs checkpoints.
    pub key: Option<Arc<SealingKey>>,
    /// All keys that may have signed one.
    pub keys: Vec<VerifyingKey>,
    /// Where checkpoints are published.
    pub directory: Option<PathBuf>,
}

impl Reader {
    pub(super) fn seals(&mut self) -> SealSettings {
        let key = self.get("AUDIT_SIGNING_KEY").map(|text| SealingKey::read(&text)).transpose();
        let key = key.unwrap_or_else(|error| {
            self.problem("AUDIT_SIGNING_KEY", &error.to_string());
            None
        });
        let others = self.get("AUDIT_PUBLIC_KEYS").map(|text| VerifyingKey::read_all(&text)).transpose();
        let others = others.unwrap_or_else(|error| {
            self.problem("AUDIT_PUBLIC_KEYS", &error.to_string());
            None
        });
        let mut keys: Vec<VerifyingKey> = key.iter().map(SealingKey::public).collect();
        keys.extend(others.unwrap_or_default());
        let directory = self.get("AUDIT_CHECKPOINT_DIR").map(PathBuf::from);
        if directory.is_some() && key.is_none() {
            self.problem("AUDIT_SIGNING_KEY", "is required with AUDIT_CHECKPOINT_DIR");
        }
        SealSettings { key: key.map(Arc::new), keys, directory }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> (SealSettings, Vec<String>) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: HashMap<String, String> = variables.iter().map(own).collect();
        let mut reader = Reader { variables, problems: Vec::new() };
        (reader.seals(), reader.problems)
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        let pem = SealingKey::generate().unwrap();
        let public = SealingKey::read(&pem).unwrap().public().pem();
        let wrong =
            "Config validation error: \"AUDIT_SIGNING_KEY\" must be an Ed25519 private key in PEM (PKCS#8)";
        for text in ["very-secret", &public, &format!("{pem}{pem}")] {
            assert_eq!(read(&[("AUDIT_SIGNING_KEY", text)]).1, [wrong]);
        }
        let wrong = "Config validation error: \"AUDIT_PUBLIC_KEYS\" must be Ed25519 public keys in PEM";
        assert_eq!(read(&[("AUDIT_PUBLIC_KEYS", &pem)]).1, [wrong]);
        let wrong = "Config validation error: \"AUDIT_SIGNING_KEY\" is required with AUDIT_CHECKPOINT_DIR";
        assert_eq!(read(&[("AUDIT_CHECKPOINT_DIR", "seals")]).1, [wrong]);
    }

    #[test]
    fn a_key_in_one_line_signs_and_checks_and_older_ones_check() {
        let (pem, older) = (SealingKey::generate().unwrap(), SealingKey::generate().unwrap());
        let older = SealingKey::read(&older).unwrap().public();
        let in_one_line = pem.replace('\n', "\\n");
        let (seals, problems) =
            read(&[("AUDIT_SIGNING_KEY", &in_one_line), ("AUDIT_PUBLIC_KEYS", &older.pem())]);
        assert_eq!(problems, [""; 0]);
        let key = seals.key.unwrap();
        assert_eq!(seals.keys, [key.public(), older]);
        assert!(read(&[]).0.key.is_none());
    }
}
