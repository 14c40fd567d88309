//! Dead letters as operators see them, and what becomes of them.

use application::{
    BoxError, Edge, Page, Window,
    projection::{DeadLetter, DeadLetterId, ProjectionRefusal, Settle, Settled},
};
use deadpool_postgres::Transaction;
use tokio_postgres::{Client, Row};

use super::{
    Poison, Projection,
    desk::{cursor, parameters},
};

const COLUMNS: &str =
    "tx_id, position, name, aggregate_type, aggregate_id, error, attempts, created_at, retry_at IS NOT NULL";

/// A page of open letters, in the order of the log.
pub(super) async fn page(
    client: &Client,
    of: Option<&str>,
    window: &Window<DeadLetterId>,
) -> Result<Page<DeadLetter, DeadLetterId>, BoxError> {
    let (test, order, place) = match window {
        Window::First(_, place) => (">", "ASC", place),
        Window::Last(_, place) => ("<", "DESC", place),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM projection_dead_letters d WHERE discarded_at IS NULL AND ($1::text IS NULL OR name = $1) \
         AND ($2::xid8 IS NULL OR (tx_id, position, name) {test} ($2, $3, $4)) \
         ORDER BY d.tx_id {order}, d.position {order}, d.name {order} LIMIT $5"
    );
    let at = place.as_ref().map(|place| parameters(place.at));
    let (tx, position) = at.unzip();
    let name = place.as_ref().map(|place| place.projection.as_str());
    // One more than is shown tells whether there are more.
    let limit = i64::try_from(window.size())? + 1;
    let rows = client.query(&sql, &[&of, &tx, &position, &name, &limit]).await?;
    let edges = rows.iter().map(|row| letter(row).map(|node| Edge { key: node.id.clone(), node }));
    Ok(Page::from_read(edges.collect::<Result<_, _>>()?, window))
}

/// How many letters are open.
pub(super) async fn count(client: &Client, of: Option<&str>) -> Result<i64, BoxError> {
    let sql = "SELECT count(*) FROM projection_dead_letters \
               WHERE discarded_at IS NULL AND ($1::text IS NULL OR name = $1)";
    Ok(client.query_one(sql, &[&of]).await?.try_get(0)?)
}

/// Notes what is to become of a letter. The consumer does it: it alone knows when.
pub(super) async fn settle(
    tx: &Transaction<'_>,
    consumer: &dyn Projection,
    id: &DeadLetterId,
    how: Settle,
) -> Settled<DeadLetter> {
    // The consumer's place first: that is the order in which the consumer itself takes them.
    let sql = "SELECT status, (tx_id, position) < ($2, $3) FROM projection_checkpoints \
               WHERE name = $1 AND part = 0 FOR UPDATE";
    let (at, position) = parameters(id.at);
    let stands = tx.query_opt(sql, &[&id.projection, &at, &position]).await?;
    let set = match how {
        Settle::Retry => "retry_at = now()",
        Settle::Discard => "discarded_at = now()",
    };
    let sql = format!(
        "UPDATE projection_dead_letters SET {set} WHERE name = $1 AND tx_id = $2 AND position = $3 \
         AND discarded_at IS NULL RETURNING {COLUMNS}"
    );
    let found = tx.query_opt(&sql, &[&id.projection, &at, &position]).await?;
    let (Some(found), Some(stands)) = (found, stands) else { return Ok(Err(ProjectionRefusal::LetterGone)) };
    if consumer.poison() == Poison::Halt {
        let (status, is_ahead): (String, bool) = (stands.try_get(0)?, stands.try_get(1)?);
        match how {
            Settle::Retry => go_on(tx, id).await?,
            Settle::Discard if status != "running" && is_ahead && is_next(tx, consumer, id).await? => {
                let sql = "UPDATE projection_checkpoints SET tx_id = $2, position = $3, updated_at = now() \
                           WHERE name = $1 AND part = 0";
                tx.execute(sql, &[&id.projection, &at, &position]).await?;
                go_on(tx, id).await?;
            }
            Settle::Discard => return Ok(Err(ProjectionRefusal::NotNext)),
        }
    }
    Ok(Ok(letter(&found)?))
}

/// A consumer that the letter halted goes on; one that an operator paused does not.
async fn go_on(tx: &Transaction<'_>, id: &DeadLetterId) -> Result<(), BoxError> {
    let sql = "UPDATE projection_checkpoints SET status = 'running', last_error = NULL, updated_at = now() \
               WHERE name = $1 AND part = 0 AND status = 'halted'";
    tx.execute(sql, &[&id.projection]).await?;
    Ok(())
}

/// Whether the letter's event is the next one the consumer would read.
async fn is_next(
    tx: &Transaction<'_>,
    consumer: &dyn Projection,
    id: &DeadLetterId,
) -> Result<bool, BoxError> {
    let sql = "SELECT NOT EXISTS (SELECT FROM events e, projection_checkpoints c \
               WHERE c.name = $1 AND c.part = 0 AND (e.tx_id, e.position) > (c.tx_id, c.position) \
               AND (e.tx_id, e.position) < ($2, $3) \
               AND (cardinality($4::text[]) = 0 OR e.aggregate_type = ANY($4::text[])))";
    let (at, position) = parameters(id.at);
    Ok(tx.query_one(sql, &[&id.projection, &at, &position, &consumer.reads()]).await?.try_get(0)?)
}

fn letter(row: &Row) -> Result<DeadLetter, BoxError> {
    Ok(DeadLetter {
        id: DeadLetterId { at: cursor(row)?, projection: row.try_get(2)? },
        aggregate_type: row.try_get(3)?,
        stream: row.try_get(4)?,
        error: row.try_get(5)?,
        attempts: row.try_get(6)?,
        created_at: row.try_get(7)?,
        retrying: row.try_get(8)?,
    })
}
