//! Secrets of this checkout's development system: made once, kept as long as its data.

use std::path::PathBuf;

use anyhow::Result;

use super::State;
use crate::{dotenv::Dotenv, keys, random};

pub(super) const OPERATOR_EMAIL: &str = "operator@demo.test";

/// Passwords and keys in a file that only its owner can read.
#[derive(Debug)]
pub(super) struct Credentials {
    path: PathBuf,
    values: Dotenv,
}

impl Credentials {
    /// Those of an earlier run, completed where something is missing.
    pub(super) fn load(state: &State) -> Result<Self> {
        let path = state.folder.join("secrets");
        let mut values = Dotenv::read(&path);
        for name in ["SUPERUSER_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "REDIS_PASSWORD"] {
            if values.get(name).is_none() {
                values.set(name, random::password()?);
            }
        }
        if values.get("DATA_KEY").is_none() {
            values.set("DATA_KEY", random::data_key()?);
        }
        if values.get("AUDIT_SIGNING_KEY").is_none() {
            values.set("AUDIT_SIGNING_KEY", keys::sealing()?);
        }
        if values.get("OPERATOR_PASSWORD").is_none() {
            values.set("OPERATOR_PASSWORD", random::person_password()?);
        }
        values.write(&path)?;
        Ok(Self { path, values })
    }

    /// A value that [`Credentials::load`] made sure of.
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.get(name).unwrap_or_default()
    }

    /// The operator whose password we know, once there is one.
    pub(super) fn operator(&self) -> Option<&str> {
        self.values.get("OPERATOR_EMAIL")
    }

    /// Remember what can be learnt only once.
    pub(super) fn remember(&mut self, name: &str, value: &str) -> Result<()> {
        self.values.set(name, value);
        self.values.write(&self.path)
    }
}
