//! Removes what nobody needs any more, a few rows at a time.

use application::{
    BoxError,
    jobs::{Remnant, Upkeep},
};
use async_trait::async_trait;
use deadpool_postgres::Pool;
use domain::{
    StreamId, Timestamp,
    user::{INVITATION, RESET, VERIFICATION},
};

/// Removes rows behind `pool`.
pub struct PgUpkeep {
    pool: Pool,
}

impl PgUpkeep {
    /// Removes rows behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

const RECEIPTS: &str = "DELETE FROM command_log WHERE key IN \
     (SELECT key FROM command_log WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
const SENT_MAILS: &str = "DELETE FROM sent_mails WHERE message_id IN \
     (SELECT message_id FROM sent_mails WHERE sent_at < $1 LIMIT $2)";
const OUTBOX: &str =
    "DELETE FROM dev_outbox WHERE id IN (SELECT id FROM dev_outbox WHERE sent_at < $1 ORDER BY id LIMIT $2)";
const DEAD_JOBS: &str = "SELECT graphile_worker.complete_jobs(ARRAY(SELECT id FROM graphile_worker.jobs \
     WHERE attempts >= max_attempts AND locked_at IS NULL AND updated_at < $1 ORDER BY id LIMIT $2))";

/// Each pending token is a claim. They are few: one goes with each that is used.
const AWAITING: &str = "SELECT DISTINCT aggregate_id FROM unique_claims \
     WHERE scope = ANY($1::text[]) AND aggregate_id > $2 ORDER BY aggregate_id LIMIT $3";

#[async_trait]
impl Upkeep for PgUpkeep {
    async fn forget(&self, what: Remnant, before: Timestamp, limit: u32) -> Result<u64, BoxError> {
        let client = self.pool.get().await?;
        let limit = i64::from(limit);
        let gone = match what {
            Remnant::Receipts => client.execute(RECEIPTS, &[&before, &limit]).await?,
            Remnant::SentMails => {
                let mails = client.execute(SENT_MAILS, &[&before, &limit]).await?;
                mails.max(client.execute(OUTBOX, &[&before, &limit]).await?)
            }
            Remnant::DeadJobs => client.execute(DEAD_JOBS, &[&before, &limit]).await?,
        };
        Ok(gone)
    }

    async fn awaiting(&self, after: Option<&StreamId>, limit: u32) -> Result<Vec<StreamId>, BoxError> {
        let client = self.pool.get().await?;
        let scopes = [VERIFICATION, RESET, INVITATION];
        let after = after.map_or("", StreamId::as_str);
        let rows = client.query(AWAITING, &[&scopes.as_slice(), &after, &i64::from(limit)]).await?;
        rows.iter().map(|row| Ok(StreamId::stored(row.try_get(0)?))).collect()
    }
}
