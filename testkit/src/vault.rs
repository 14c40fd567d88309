//! The vault in memory.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use application::ports::{Vault, VaultError};
use async_trait::async_trait;
use domain::{BlindIndex, Sealed};
use uuid::Uuid;

/// What was sealed of a subject, by field and seal.
type Opened = HashMap<(&'static str, String), String>;

/// What was sealed is remembered beside its seal; a destroyed subject is forgotten.
#[derive(Debug, Default)]
pub struct MemoryVault {
    subjects: Mutex<HashMap<Uuid, Opened>>,
}

impl MemoryVault {
    /// Destroys the key of a subject: nothing of it can be opened any more.
    pub fn destroy(&self, subject: Uuid) {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).remove(&subject);
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn seal(&self, subject: Uuid, field: &'static str, clear: &str) -> Result<Sealed, VaultError> {
        let sealed = format!("sealed-{:016x}", digest(&(subject, field, clear)));
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.entry(subject).or_default().insert((field, sealed.clone()), clear.to_owned());
        Ok(Sealed::new(sealed))
    }

    async fn open(
        &self,
        subject: Uuid,
        field: &'static str,
        sealed: &Sealed,
    ) -> Result<Option<String>, VaultError> {
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(values) = subjects.get(&subject) else { return Ok(None) };
        match values.get(&(field, sealed.as_str().to_owned())) {
            Some(clear) => Ok(Some(clear.clone())),
            None => Err(VaultError::Broken(format!("{field} of {subject} does not open"))),
        }
    }

    async fn index(&self, scope: &'static str, clear: &str) -> Result<BlindIndex, VaultError> {
        Ok(BlindIndex::new(format!("index-{:016x}", digest(&(scope, clear)))))
    }
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
