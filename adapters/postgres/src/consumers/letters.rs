//! Dead letters: what a consumer leaves aside, and what an operator says about it.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use application::ports::Cursor;
use deadpool_postgres::Transaction;
use tokio_postgres::Client;

use super::Poison;
use crate::{
    log::Recorded,
    xid::{Xid, place},
};

type Result<T> = std::result::Result<T, tokio_postgres::Error>;

/// How often a consumer with streams aside looks whether an operator settled a letter.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a consumer does not write.
#[derive(Debug)]
pub(super) struct Aside {
    /// Streams that wait behind a dead letter, by aggregate type and id.
    pub(super) streams: HashSet<(String, String)>,
    /// Events that an operator discarded.
    discarded: HashSet<Cursor>,
    /// Whether there is a letter that will be settled when its event is written.
    pub(super) owes: bool,
    /// When it was last looked whether an operator settled one.
    looked: Instant,
}

impl Aside {
    /// What a consumer at this place leaves aside.
    pub(super) async fn load(client: &Client, name: &str, rule: Poison, at: Cursor) -> Result<Self> {
        let sql = "SELECT aggregate_type, aggregate_id, tx_id, position, discarded_at IS NOT NULL, \
                   (tx_id, position) > ($2, $3) FROM projection_dead_letters WHERE name = $1";
        let mut aside =
            Self { streams: HashSet::new(), discarded: HashSet::new(), owes: false, looked: Instant::now() };
        for row in client.query(sql, &[&name, &Xid(at.tx), &at.position]).await? {
            let (discarded, ahead): (bool, bool) = (row.get(4), row.get(5));
            match rule {
                _ if discarded && ahead => drop(aside.discarded.insert(place(&row, 2)?.unwrap_or_default())),
                _ if discarded => {}
                Poison::Park => drop(aside.streams.insert((row.get(0), row.get(1)))),
                Poison::Halt => aside.owes = true,
            }
        }
        Ok(aside)
    }

    /// Whether there is no letter at all: nothing has to be looked at one by one.
    pub(super) fn is_nothing(&self) -> bool {
        self.is_empty() && !self.owes
    }

    /// Whether it is time to look for what operators settled. Who polls more often looks as often.
    pub(super) fn is_due(&mut self, poll: Duration) -> bool {
        let due = !self.streams.is_empty() && self.looked.elapsed() >= LOOK_EVERY.min(poll);
        if due {
            self.looked = Instant::now();
        }
        due
    }

    /// Whether every event is written.
    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.discarded.is_empty()
    }

    /// Whether an event is one of these, or behind a dead letter in its stream.
    pub(super) fn holds(&self, event: &Recorded, poison: &[Dead]) -> bool {
        if self.streams.is_empty() && poison.is_empty() {
            return false;
        }
        let stream = stream_of(event);
        let behind = |dead: &Dead| event.cursor >= dead.at && stream == dead.stream;
        self.streams.contains(&stream) || poison.iter().any(behind)
    }

    /// Whether an operator discarded this one.
    pub(super) fn discards(&self, event: &Recorded) -> bool {
        self.discarded.contains(&event.cursor)
    }
}

/// An event of a batch that is a dead letter from now on.
pub(super) struct Dead {
    pub(super) at: Cursor,
    pub(super) stream: (String, String),
    pub(super) error: String,
}

/// The stream of an event, as dead letters name it.
pub(super) fn stream_of(event: &Recorded) -> (String, String) {
    (event.aggregate_type.clone(), event.stream.as_str().to_owned())
}

/// Every event that was discarded for a consumer: no build of it stumbles over one again.
pub(super) async fn discarded(client: &Client, name: &str) -> Result<HashSet<Cursor>> {
    let sql =
        "SELECT tx_id, position FROM projection_dead_letters WHERE name = $1 AND discarded_at IS NOT NULL";
    let rows = client.query(sql, &[&name]).await?;
    rows.iter().map(|row| Ok(place(row, 0)?.unwrap_or_default())).collect()
}

/// The event that halted a consumer is written: its letter is settled.
pub(super) async fn settled(tx: &Transaction<'_>, name: &str, up_to: Cursor) -> Result<()> {
    let sql = "DELETE FROM projection_dead_letters \
               WHERE name = $1 AND (tx_id, position) <= ($2, $3) AND discarded_at IS NULL";
    tx.execute(sql, &[&name, &Xid(up_to.tx), &up_to.position]).await.map(drop)
}

/// Puts a poison event aside, and stops the consumer when that is its rule.
pub(super) async fn bury(
    tx: &Transaction<'_>,
    name: &str,
    event: &Recorded,
    error: &str,
    attempts: i32,
    rule: Poison,
) -> Result<()> {
    let sql = "INSERT INTO projection_dead_letters (name, tx_id, position, aggregate_type, aggregate_id, error, attempts) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name, tx_id, position) \
               DO UPDATE SET error = excluded.error, retry_at = NULL, \
               attempts = projection_dead_letters.attempts + excluded.attempts";
    let at = Xid(event.cursor.tx);
    tx.execute(
        sql,
        &[
            &name,
            &at,
            &event.cursor.position,
            &event.aggregate_type,
            &event.stream.as_str(),
            &error,
            &attempts,
        ],
    )
    .await?;
    if rule == Poison::Halt {
        let sql = "UPDATE projection_checkpoints SET status = 'halted', last_error = $2, updated_at = now() \
                   WHERE name = $1";
        tx.execute(sql, &[&name, &error]).await?;
    }
    Ok(())
}

/// Streams of which an operator settled a letter.
pub(super) async fn asked(client: &Client, name: &str) -> Result<Vec<(String, String)>> {
    let sql = "SELECT DISTINCT aggregate_type, aggregate_id FROM projection_dead_letters \
               WHERE name = $1 AND (retry_at IS NOT NULL OR discarded_at IS NOT NULL)";
    Ok(client.query(sql, &[&name]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// A letter of a stream.
pub(super) struct Open {
    pub(super) at: Cursor,
    /// Whether it is to be tried again.
    pub(super) retry: bool,
}

/// The open letters of a stream, in order, at most `limit` of them.
pub(super) async fn of_stream(
    tx: &Transaction<'_>,
    name: &str,
    stream: &(String, String),
    limit: i64,
) -> Result<Vec<Open>> {
    let sql = "SELECT tx_id, position, retry_at IS NOT NULL FROM projection_dead_letters d WHERE name = $1 \
               AND aggregate_type = $2 AND aggregate_id = $3 AND discarded_at IS NULL \
               ORDER BY d.tx_id, d.position LIMIT $4 FOR UPDATE";
    let rows = tx.query(sql, &[&name, &stream.0, &stream.1, &limit]).await?;
    rows.iter().map(|row| Ok(Open { at: place(row, 0)?.unwrap_or_default(), retry: row.get(2) })).collect()
}

/// The letter's event is written.
pub(super) async fn remove(tx: &Transaction<'_>, name: &str, at: Cursor) -> Result<()> {
    let sql = "DELETE FROM projection_dead_letters WHERE name = $1 AND tx_id = $2 AND position = $3";
    tx.execute(sql, &[&name, &Xid(at.tx), &at.position]).await.map(drop)
}

/// The letter's event cannot be written yet: its stream waits for an operator again.
pub(super) async fn failed(
    tx: &Transaction<'_>,
    name: &str,
    stream: &(String, String),
    at: Cursor,
    error: &str,
) -> Result<()> {
    let sql = "UPDATE projection_dead_letters SET error = $4, attempts = attempts + 1 \
               WHERE name = $1 AND tx_id = $2 AND position = $3";
    tx.execute(sql, &[&name, &Xid(at.tx), &at.position, &error]).await?;
    let sql = "UPDATE projection_dead_letters SET retry_at = NULL \
               WHERE name = $1 AND aggregate_type = $2 AND aggregate_id = $3";
    tx.execute(sql, &[&name, &stream.0, &stream.1]).await.map(drop)
}
