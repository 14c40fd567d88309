//! Mails of a development system: written by a consumer, exactly once a cause, and read back.

use std::sync::Arc;

use application::{
    BoxError,
    mail::{Outbox, SentMail},
    ports::Vault,
    user::verification_link_mail,
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Pool;
use deadpool_postgres::Transaction;
use domain::{
    UserId, upcasters,
    user::{User, UserEvent},
};

use crate::{
    consumers::{Projection, ProjectionError, Written},
    log::Recorded,
    todo::ids,
};

/// Writes the mail that each registration causes into the outbox.
pub struct VerificationMail {
    vault: Arc<dyn Vault>,
    web_url: String,
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl VerificationMail {
    /// Links lead to `web_url`.
    pub fn new(vault: Arc<dyn Vault>, web_url: String) -> Self {
        Self { vault, web_url, steps: upcasters() }
    }
}

#[async_trait]
impl Projection for VerificationMail {
    fn name(&self) -> &'static str {
        "verification_mail.v1"
    }

    fn reads(&self) -> &'static [&'static str] {
        &[User::TYPE]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        for recorded in batch.iter().filter(|recorded| recorded.event_type == "user.registered") {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let event: UserEvent = recorded.event(&self.steps).map_err(poison)?;
            let (_, user) = ids(&recorded.stream).map_err(poison)?;
            let mail = verification_link_mail(self.vault.as_ref(), UserId(user), &event, &self.web_url).await;
            let Some(mail) = mail.map_err(|error| ProjectionError::Unavailable(error.into()))? else {
                continue;
            };
            let sql = "INSERT INTO dev_outbox (recipient, subject, body, links, sent_at) VALUES ($1, $2, $3, $4, $5)";
            tx.execute(sql, &[&mail.to, &mail.subject, &mail.text, &mail.links, &mail.sent_at]).await?;
        }
        Ok(Written::default())
    }
}

/// Reads the outbox back.
pub struct PgOutbox {
    pool: Pool,
}

impl PgOutbox {
    /// The outbox behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Outbox for PgOutbox {
    async fn sent(&self, to: Option<&str>, limit: usize) -> Result<Vec<SentMail>, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT recipient, subject, body, links, sent_at FROM dev_outbox \
                   WHERE $1::text IS NULL OR recipient = $1 ORDER BY id DESC LIMIT $2";
        let rows = client.query(sql, &[&to, &i64::try_from(limit)?]).await?;
        rows.iter()
            .map(|row| {
                Ok(SentMail {
                    to: row.try_get(0)?,
                    subject: row.try_get(1)?,
                    text: row.try_get(2)?,
                    links: row.try_get(3)?,
                    sent_at: row.try_get(4)?,
                })
            })
            .collect()
    }
}
