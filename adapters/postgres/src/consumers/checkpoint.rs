//! How far a consumer came. Written only by compare-and-set: that is the fence.

use application::ports::{Cursor, LogError};
use deadpool_postgres::Transaction;
use tokio_postgres::Client;

use super::Effects;
use crate::xid::Xid;

/// Whether a consumer works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Running,
    /// An operator stopped it.
    Paused,
    /// A poison event stopped it.
    Halted,
}

impl Status {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Halted => "halted",
        }
    }

    fn stored(text: &str) -> Self {
        match text {
            "paused" => Self::Paused,
            "halted" => Self::Halted,
            _ => Self::Running,
        }
    }
}

/// A consumer's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose.
    pub name: String,
    /// Everything up to here is written.
    pub at: Cursor,
    /// Whether it works.
    pub status: Status,
    /// What stopped it.
    pub last_error: Option<String>,
}

type Result<T> = std::result::Result<T, tokio_postgres::Error>;

const COLUMNS: &str = "name, tx_id, position, status, last_error";

/// The place of a consumer. The first time, that of a read model is the beginning; what has effects
/// outside has none until a migration makes it.
pub(super) async fn load(client: &Client, name: &str, effects: Effects) -> Result<Option<Checkpoint>> {
    if effects == Effects::Rows {
        client
            .execute("INSERT INTO projection_checkpoints (name) VALUES ($1) ON CONFLICT DO NOTHING", &[&name])
            .await?;
    }
    let sql = format!("SELECT {COLUMNS} FROM projection_checkpoints WHERE name = $1 AND part = 0");
    Ok(client.query_opt(&sql, &[&name]).await?.map(|row| from_row(&row)))
}

/// All consumers that ever ran.
pub async fn list(client: &Client) -> std::result::Result<Vec<Checkpoint>, LogError> {
    let sql = format!("SELECT {COLUMNS} FROM projection_checkpoints ORDER BY name");
    let rows = client.query(&sql, &[]).await.map_err(crate::log::classify)?;
    Ok(rows.iter().map(from_row).collect())
}

/// Stops a consumer between two batches. `false`: there is none of that name.
pub async fn pause(client: &Client, name: &str) -> std::result::Result<bool, LogError> {
    set(client, name, Status::Paused).await
}

/// Lets a paused or halted consumer go on: what halted it is tried again.
pub async fn resume(client: &Client, name: &str) -> std::result::Result<bool, LogError> {
    set(client, name, Status::Running).await
}

async fn set(client: &Client, name: &str, status: Status) -> std::result::Result<bool, LogError> {
    let sql = "UPDATE projection_checkpoints SET status = $2, last_error = NULL, updated_at = now() WHERE name = $1";
    let changed = client.execute(sql, &[&name, &status.as_str()]).await;
    Ok(changed.map_err(crate::log::classify)? > 0)
}

fn from_row(row: &tokio_postgres::Row) -> Checkpoint {
    let Xid(tx) = row.get(1);
    Checkpoint {
        name: row.get(0),
        at: Cursor { tx, position: row.get(2) },
        status: Status::stored(row.get(3)),
        last_error: row.get(4),
    }
}

/// Moves the checkpoint from where we read it. `false`: another runner, or an operator, was there.
///
/// `events` feed the rate: each counts for a while, and for less and less. That needs no clock of
/// ours, and no reading.
pub(super) async fn advance(
    tx: &Transaction<'_>,
    name: &str,
    from: Cursor,
    to: Cursor,
    events: usize,
) -> Result<bool> {
    // Losing the last commits in a crash of the server only means to write them again, together
    // with their checkpoint: there is no need to wait for the disk.
    let sql = "UPDATE projection_checkpoints SET tx_id = $4, position = $5, updated_at = now(), \
               rate = (rate * exp(-LEAST(extract(epoch FROM now() - updated_at), 1000) / 10) + $6::double precision / 10)::real \
               WHERE name = $1 AND part = 0 AND tx_id = $2 AND position = $3 AND status = 'running'";
    let (from_tx, to_tx) = (Xid(from.tx), Xid(to.tx));
    let statement = tx.prepare_cached(sql).await?;
    let events = u32::try_from(events).map_or(f64::MAX, f64::from);
    let moved =
        tx.execute(&statement, &[&name, &from_tx, &from.position, &to_tx, &to.position, &events]).await?;
    Ok(moved == 1)
}
