//! The one row that each build has: its place is written by compare-and-set, which is the fence.
//!
//! Whoever removes the row removes the tables in the same transaction, and whoever writes into the
//! tables has moved the row first: nobody writes into tables that are gone, which would be those
//! that serve.

use application::{
    BoxError,
    ports::Cursor,
    projection::{Build, BuildPhase},
};
use deadpool_postgres::Transaction;
use tokio_postgres::{Client, Row, error::SqlState};

use crate::xid::{Xid, place};

type Result<T> = std::result::Result<T, tokio_postgres::Error>;

/// Keeps two that begin a build at once apart.
const BEGIN_CLASS: i32 = 0x0e7e;

/// How long somebody who gives a build up waits for its tables, in milliseconds.
const DROP_WAIT_MS: u32 = 500;

/// A build as workers see it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// The fence: another one is another build.
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) phase: BuildPhase,
    pub(super) at: Cursor,
    /// Whether it was kept for long enough.
    pub(super) is_old: bool,
}

/// What came of asking for a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Workers build it.
    Begun,
    /// They do so already.
    UnderWay,
}

/// Asks for a build: tables that a former one left are gone with it.
pub(crate) async fn begin(tx: &Transaction<'_>, name: &str) -> Result<Begun> {
    tx.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&BEGIN_CLASS, &name]).await?;
    let row =
        tx.query_opt("SELECT phase FROM projection_builds WHERE name = $1 FOR UPDATE", &[&name]).await?;
    if row.is_some_and(|row| phase(row.get(0)).is_under_way()) {
        return Ok(Begun::UnderWay);
    }
    tx.execute("DELETE FROM projection_builds WHERE name = $1", &[&name]).await?;
    tx.execute("SELECT shadow_make($1)", &[&name]).await?;
    tx.execute("INSERT INTO projection_builds (name) VALUES ($1)", &[&name]).await?;
    Ok(Begun::Begun)
}

/// Gives up a build that does not serve, or a return. `false`: there is none.
pub(crate) async fn cancel(tx: &Transaction<'_>, name: &str) -> Result<bool> {
    let stays = "UPDATE projection_builds SET phase = 'kept', updated_at = now() \
                 WHERE name = $1 AND phase = 'returning'";
    if tx.execute(stays, &[&name]).await? > 0 {
        return Ok(true);
    }
    let gone = "DELETE FROM projection_builds \
                WHERE name = $1 AND phase IN ('building', 'comparing', 'swapping', 'failed')";
    if tx.execute(gone, &[&name]).await? == 0 {
        return Ok(false);
    }
    // While it is compared its tables are in use: then the worker removes them when it notices.
    tx.batch_execute(&format!("SAVEPOINT dropped; SET LOCAL lock_timeout = '{DROP_WAIT_MS}ms'")).await?;
    match tx.execute("SELECT shadow_drop($1)", &[&name]).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            tx.batch_execute("ROLLBACK TO SAVEPOINT dropped").await?;
        }
        done => drop(done?),
    }
    Ok(true)
}

/// Asks for the tables of before. `false`: there are none.
pub(crate) async fn take_back(tx: &Transaction<'_>, name: &str) -> Result<bool> {
    let sql = "UPDATE projection_builds SET phase = 'returning', updated_at = now() \
               WHERE name = $1 AND phase IN ('kept', 'returning')";
    Ok(tx.execute(sql, &[&name]).await? > 0)
}

/// Removes tables that were kept for long enough.
pub(super) async fn forget(tx: &Transaction<'_>, build: &Stored) -> Result<()> {
    let sql = "DELETE FROM projection_builds WHERE name = $1 AND id = $2 AND phase = 'kept'";
    if tx.execute(sql, &[&build.name, &build.id]).await? > 0 {
        tx.execute("SELECT shadow_drop($1)", &[&build.name]).await?;
    }
    Ok(())
}

const STORED: &str = "SELECT id, name, phase, tx_id, position, \
     COALESCE(swapped_at < now() - $1::double precision * interval '1 second', false) FROM projection_builds";

/// All builds that workers have something to do for. `kept_s`: how long tables of before are kept.
pub(super) async fn all(client: &Client, kept_s: f64) -> Result<Vec<Stored>> {
    let sql = format!("{STORED} WHERE phase <> 'failed' ORDER BY name");
    Ok(client.query(&sql, &[&kept_s]).await?.iter().map(stored).collect())
}

/// The build of a read model.
pub(super) async fn one(client: &Client, name: &str, kept_s: f64) -> Result<Option<Stored>> {
    let sql = format!("{STORED} WHERE name = $2 AND phase <> 'failed'");
    Ok(client.query_opt(&sql, &[&kept_s, &name]).await?.as_ref().map(stored))
}

fn stored(row: &Row) -> Stored {
    let Xid(tx) = row.get(3);
    Stored {
        id: row.get(0),
        name: row.get(1),
        phase: phase(row.get(2)),
        at: Cursor { tx, position: row.get(4) },
        is_old: row.get(5),
    }
}

fn phase(text: &str) -> BuildPhase {
    // The table takes no other words.
    BuildPhase::ALL.into_iter().find(|phase| phase.name() == text).unwrap_or(BuildPhase::Failed)
}

/// How quick a build is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Speed {
    /// Events a second.
    pub(super) events: f32,
    /// Positions a second: what is skipped counts too.
    pub(super) positions: f32,
}

/// Moves a build's place from where we read it. `false`: it was given up, or another worker has it.
pub(super) async fn advance(
    tx: &Transaction<'_>,
    build: &Stored,
    to: Cursor,
    events: usize,
    speed: Speed,
) -> Result<bool> {
    let sql = "UPDATE projection_builds SET tx_id = $5, position = $6, events = events + $7, rate = $8, pace = $9, \
               updated_at = now() WHERE name = $1 AND id = $2 AND tx_id = $3 AND position = $4";
    let statement = tx.prepare_cached(sql).await?;
    let events = i64::try_from(events).unwrap_or(i64::MAX);
    let (from, after) = (Xid(build.at.tx), Xid(to.tx));
    let moved = tx
        .execute(
            &statement,
            &[
                &build.name,
                &build.id,
                &from,
                &build.at.position,
                &after,
                &to.position,
                &events,
                &speed.events,
                &speed.positions,
            ],
        )
        .await?;
    Ok(moved == 1)
}

/// Goes from one phase to the next. `false`: an operator was there.
pub(super) async fn pass(client: &Client, build: &Stored, to: BuildPhase) -> Result<bool> {
    let sql = "UPDATE projection_builds SET phase = $4, updated_at = now() \
               WHERE name = $1 AND id = $2 AND phase = $3";
    let moved = client.execute(sql, &[&build.name, &build.id, &build.phase.name(), &to.name()]).await?;
    Ok(moved == 1)
}

/// Notes in how many rows the build differs.
pub(super) async fn compared(client: &Client, build: &Stored, differing: i64) -> Result<()> {
    let sql = "UPDATE projection_builds SET differing = $3 WHERE name = $1 AND id = $2";
    client.execute(sql, &[&build.name, &build.id, &differing]).await.map(drop)
}

/// Notes for how long readers were locked out.
pub(super) async fn locked(client: &Client, build: &Stored, ms: f32) -> Result<()> {
    let sql = "UPDATE projection_builds SET locked_ms = $3 WHERE name = $1 AND id = $2";
    client.execute(sql, &[&build.name, &build.id, &ms]).await.map(drop)
}

/// The build cannot go on. Why is kept; what it wrote is not, because nobody would erase from it.
pub(super) async fn fail(tx: &Transaction<'_>, build: &Stored, error: &str) -> Result<()> {
    let sql = "UPDATE projection_builds SET phase = 'failed', error = $3, updated_at = now() \
               WHERE name = $1 AND id = $2";
    if tx.execute(sql, &[&build.name, &build.id, &error]).await? > 0 {
        tx.execute("SELECT shadow_drop($1)", &[&build.name]).await?;
    }
    Ok(())
}

/// Removes tables that no build has.
pub(super) async fn sweep(tx: &Transaction<'_>, name: &str) -> Result<()> {
    tx.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&BEGIN_CLASS, &name]).await?;
    let sql = "SELECT shadow_drop($1) WHERE NOT EXISTS (SELECT FROM projection_builds WHERE name = $1)";
    tx.execute(sql, &[&name]).await.map(drop)
}

/// All builds, as operators see them, with the names of their read models.
///
/// How far a build is on its way is told by running numbers: those are given in the order of the
/// log, but for what is written at the same time. A place that only passed over events is that of
/// the event before it.
pub(crate) async fn progress(client: &Client) -> std::result::Result<Vec<(String, Build)>, BoxError> {
    let number = |of: &str| {
        format!(
            "COALESCE((SELECT e.position FROM events e WHERE (e.tx_id, e.position) <= ({of}.tx_id, {of}.position) \
             ORDER BY e.tx_id DESC, e.position DESC LIMIT 1), 0)"
        )
    };
    let sql = format!(
        "SELECT b.name, b.phase, b.tx_id, b.position, b.events, b.rate, b.pace, b.differing, b.locked_ms, b.error, \
         b.started_at, b.swapped_at, (b.tx_id, b.position) >= (COALESCE(c.tx_id, '0'), COALESCE(c.position, 0)), \
         {}, {} FROM projection_builds b LEFT JOIN projection_checkpoints c ON c.name = b.name AND c.part = 0",
        number("b"),
        number("c"),
    );
    client.query(&sql, &[]).await?.iter().map(|row| Ok((row.try_get(0)?, shown(row)?))).collect()
}

fn shown(row: &Row) -> std::result::Result<Build, BoxError> {
    let phase = phase(row.try_get(1)?);
    let is_there = row.try_get::<_, bool>(12)? || phase == BuildPhase::Kept;
    let way = Way { done: row.try_get(13)?, whole: row.try_get(14)?, pace: row.try_get::<_, f32>(6)?.into() };
    Ok(Build {
        phase,
        at: place(row, 2)?.unwrap_or_default(),
        percent: if is_there { 100.0 } else { way.percent() },
        done: if is_there { way.whole } else { way.done.min(way.whole) },
        total: way.whole,
        events: row.try_get(4)?,
        rate: row.try_get::<_, f32>(5)?.into(),
        seconds_left: if is_there { Some(0.0) } else { way.seconds_left() },
        differing: row.try_get(7)?,
        locked_ms: row.try_get::<_, Option<f32>>(8)?.map(Into::into),
        error: row.try_get(9)?,
        started_at: row.try_get(10)?,
        swapped_at: row.try_get(11)?,
    })
}

/// How far on the way from the first event to what serves.
struct Way {
    done: i64,
    whole: i64,
    /// Numbers a second.
    pace: f64,
}

impl Way {
    fn percent(&self) -> f64 {
        if self.whole == 0 { 0.0 } else { (figure(self.done) / figure(self.whole) * 100.0).clamp(0.0, 99.9) }
    }

    fn seconds_left(&self) -> Option<f64> {
        (self.pace > 0.0).then(|| figure((self.whole - self.done).max(0)) / self.pace)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn figure(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_is_not_known_has_no_end() {
        let way = Way { done: 0, whole: 0, pace: 0.0 };
        assert_eq!((way.percent(), way.seconds_left()), (0.0, None));
    }

    #[test]
    fn a_quarter_of_the_way_takes_three_times_as_long_again() {
        let way = Way { done: 250, whole: 1_000, pace: 50.0 };
        assert_eq!((way.percent(), way.seconds_left()), (25.0, Some(15.0)));
    }
}
