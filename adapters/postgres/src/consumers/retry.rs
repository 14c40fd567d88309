//! Tries dead letters again: in the consumer that put them aside, between two of its batches, so
//! that a stream goes on in its order and nothing of it is written twice.

use application::{BoxError, ports::Cursor};
use deadpool_postgres::Transaction;

use super::{
    ProjectionError, Written,
    letters::{self, Aside},
    runner::Runner,
    writing::caught,
};
use crate::{
    BoxedError,
    log::{self, Recorded},
    xid::Xid,
};

/// Letters that are tried in one transaction; the rest comes with the next look.
const RETRIED_MAX: i64 = 200;

impl Runner {
    /// Tries what operators asked for, when it is time to. `false`: the checkpoint is not where we left
    /// it.
    pub(super) async fn settle_letters(
        &self,
        client: &mut deadpool_postgres::Client,
        at: Cursor,
        aside: &mut Aside,
    ) -> Result<bool, BoxError> {
        if !aside.is_due(self.pace.poll) {
            return Ok(true);
        }
        let asked = letters::asked(client, self.projection.name()).await?;
        let asked: Vec<_> = asked.into_iter().filter(|stream| aside.streams.contains(stream)).collect();
        for stream in asked {
            let tx = client.transaction().await?;
            if !self.stands_at(&tx, at).await? {
                return Ok(false);
            }
            let (written, over) = self.go_on(&tx, &stream).await?;
            tx.commit().await?;
            if over {
                aside.streams.remove(&stream);
            }
            self.signal(self.projection.name(), at, written).await;
        }
        Ok(true)
    }

    /// Holds our place: nobody else may write for this consumer meanwhile.
    async fn stands_at(&self, tx: &Transaction<'_>, at: Cursor) -> Result<bool, tokio_postgres::Error> {
        let sql = "SELECT FROM projection_checkpoints WHERE name = $1 AND part = 0 AND tx_id = $2 \
                   AND position = $3 AND status = 'running' FOR UPDATE";
        let held = tx.query_opt(sql, &[&self.projection.name(), &Xid(at.tx), &at.position]).await?;
        Ok(held.is_some())
    }

    /// Writes the letters of a stream in order, up to one that still cannot be written. Whether no
    /// letter is left.
    async fn go_on(
        &self,
        tx: &Transaction<'_>,
        stream: &(String, String),
    ) -> Result<(Written, bool), BoxError> {
        let name = self.projection.name();
        let open = letters::of_stream(tx, name, stream, RETRIED_MAX).await?;
        let mut all = Written::default();
        if !open.iter().any(|letter| letter.retry) {
            return Ok((all, open.is_empty()));
        }
        for letter in &open {
            tx.batch_execute("SAVEPOINT letter").await?;
            let event = read(tx, letter.at).await?;
            match caught(self.projection.as_ref(), tx, std::slice::from_ref(&event)).await {
                Ok(written) => {
                    all.changes.extend(written.changes);
                    all.bell = written.bell.or(all.bell);
                    letters::remove(tx, name, letter.at).await?;
                }
                Err(error @ (ProjectionError::Poison { .. } | ProjectionError::Panicked)) => {
                    tx.batch_execute("ROLLBACK TO SAVEPOINT letter").await?;
                    let cause = match &error {
                        ProjectionError::Poison { cause, .. } => BoxedError(cause.as_ref()).to_string(),
                        other => other.to_string(),
                    };
                    tracing::warn!(
                        error = cause,
                        consumer = name,
                        position = letter.at.position,
                        "a dead letter stays one"
                    );
                    letters::failed(tx, name, stream, letter.at, &cause).await?;
                    return Ok((all, false));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((all, letters::of_stream(tx, name, stream, 1).await?.is_empty()))
    }
}

async fn read(tx: &Transaction<'_>, at: Cursor) -> Result<Recorded, BoxError> {
    let sql = format!("SELECT {} FROM events WHERE tx_id = $1 AND position = $2", log::COLUMNS);
    let row = tx.query_one(&sql, &[&Xid(at.tx), &at.position]).await?;
    Ok(log::recorded(&row, 0)?.ok_or("an event has a place")?)
}
