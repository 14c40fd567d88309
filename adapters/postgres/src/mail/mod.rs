//! The outbox of a development system, and which mails left.

use application::{
    BoxError,
    mail::{Mail, MailError, Mailer, MessageId, Outbox, SentLog, SentMail},
};
use async_trait::async_trait;
use deadpool_postgres::Pool;

/// Keeps mails instead of sending them, to be read back.
pub struct PgOutbox {
    pool: Pool,
}

impl PgOutbox {
    /// The outbox behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn keep(&self, mail: &Mail) -> Result<(), BoxError> {
        let client = self.pool.get().await?;
        let sql = "INSERT INTO dev_outbox (recipient, subject, body, html, links, sent_at, message_id) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (message_id) DO NOTHING";
        client
            .execute(
                sql,
                &[&mail.to, &mail.subject, &mail.text, &mail.html, &mail.links, &mail.at, &mail.id.as_str()],
            )
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Mailer for PgOutbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.keep(mail)
            .await
            .map_err(|error| MailError::Later(format!("the outbox does not answer: {error}")))
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

/// Which mails left, behind a pool.
pub struct PgSentLog {
    pool: Pool,
}

impl PgSentLog {
    /// The log behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl SentLog for PgSentLog {
    async fn left(&self, id: &MessageId) -> Result<bool, BoxError> {
        let client = self.pool.get().await?;
        let sql = "SELECT EXISTS (SELECT FROM sent_mails WHERE message_id = $1)";
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, &[&id.as_str()]).await?.try_get(0)?)
    }

    async fn record(&self, id: &MessageId) -> Result<(), BoxError> {
        let client = self.pool.get().await?;
        let sql = "INSERT INTO sent_mails (message_id) VALUES ($1) ON CONFLICT DO NOTHING";
        let statement = client.prepare_cached(sql).await?;
        client.execute(&statement, &[&id.as_str()]).await?;
        Ok(())
    }
}
