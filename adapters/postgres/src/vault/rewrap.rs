//! Another `DATA_KEY`: all keys of people under it, while everything goes on.
//!
//! A few rows at a time, each batch a statement of its own: whoever is killed in between leaves
//! some keys under one `DATA_KEY` and some under the other, and both are accepted. Beginning again
//! finds what is left.

use application::ports::VaultError;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{GONE, PgVault, away};

/// Keys read, and at most written, in one go.
const BATCH_KEYS_MAX: usize = 500;

const READ: &str = "SELECT subject_id, wrapped_key FROM subject_keys WHERE subject_id > $1 OR $1 IS NULL \
     ORDER BY subject_id LIMIT $2";
/// Only what is still as it was read: a key that was destroyed meanwhile stays destroyed.
const WRITE: &str = "UPDATE subject_keys k SET wrapped_key = u.new FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) \
     AS u (id, old, new) WHERE k.subject_id = u.id AND k.wrapped_key = u.old";

/// How far it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that were looked at.
    pub seen: u64,
    /// Keys that were under another `DATA_KEY`, or under none, and are under this one now.
    pub moved: u64,
    /// Keys that open with none of the ones we have. The first of them is logged.
    pub closed: u64,
}

impl PgVault {
    /// Puts every key under this vault's `DATA_KEY`. It can be done at any time, by anybody, and
    /// twice; `told` hears of each batch.
    pub async fn rewrap(&self, mut told: impl FnMut(&Rewrapped)) -> Result<Rewrapped, VaultError> {
        if self.wrapping.is_none() {
            return Err(VaultError::Broken("there is no DATA_KEY to wrap keys with".to_owned()));
        }
        let (mut done, mut last) = (Rewrapped::default(), None);
        loop {
            let client = self.pool.get().await.map_err(away)?;
            let limit = i64::try_from(BATCH_KEYS_MAX).unwrap_or(i64::MAX);
            let rows = client.query(READ, &[&last, &limit]).await.map_err(away)?;
            let (mut ids, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
            for row in &rows {
                let (subject, stored) = key(row)?;
                last = Some(subject);
                done.seen += 1;
                match self.under_ours(subject, &stored) {
                    Ok(None) => {}
                    Ok(Some(wrapped)) => {
                        ids.push(subject);
                        old.push(stored);
                        new.push(wrapped);
                    }
                    Err(error) => {
                        if done.closed == 0 {
                            tracing::error!(%error, subject.id = %subject, "a key cannot be opened; it is left as it is");
                        }
                        done.closed += 1;
                    }
                }
            }
            if !ids.is_empty() {
                done.moved += client.execute(WRITE, &[&ids, &old, &new]).await.map_err(away)?;
            }
            told(&done);
            if rows.len() < BATCH_KEYS_MAX {
                return Ok(done);
            }
        }
    }

    /// A stored key under our own `DATA_KEY`; `None` where there is nothing to do.
    fn under_ours(&self, subject: Uuid, stored: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        if stored == [GONE] || self.is_ours(subject, stored) {
            return Ok(None);
        }
        self.wrap(subject, self.unwrap(subject, stored)?).map(Some)
    }
}

fn key(row: &Row) -> Result<(Uuid, Vec<u8>), VaultError> {
    Ok((row.try_get(0).map_err(away)?, row.try_get(1).map_err(away)?))
}
