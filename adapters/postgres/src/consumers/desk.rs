//! The consumers as operators see them, and what they ask for. Workers do it.

use std::{collections::HashMap, sync::Arc};

use application::{
    BoxError, Page, Window,
    ports::Cursor,
    projection::{
        Build, DeadLetter, DeadLetterId, LAG_COUNTED_MAX, ProjectionAct, ProjectionDesk, ProjectionRefusal,
        ProjectionRow, ProjectionState, Settle, Settled,
    },
};
use async_trait::async_trait;
use deadpool_postgres::{Client, Pool, Transaction};
use tokio_postgres::Row;

use super::{
    Effects, Projection, desk_letters,
    shadow::{self, Begun},
};
use crate::{
    projections,
    xid::{Xid, place},
};

/// See the module.
pub struct PgProjectionDesk {
    pub(super) pool: Pool,
    consumers: Vec<Arc<dyn Projection>>,
    known: Vec<&'static str>,
}

impl PgProjectionDesk {
    /// The desk of these consumers: all that a deployment has, whichever process runs them.
    pub fn new(pool: Pool, mut consumers: Vec<Arc<dyn Projection>>) -> Self {
        consumers.sort_by_key(|consumer| consumer.name());
        let known = consumers.iter().map(|consumer| consumer.name()).collect();
        Self { pool, consumers, known }
    }

    pub(super) fn find(&self, name: &str) -> Result<&dyn Projection, ProjectionRefusal> {
        let found = self.consumers.iter().find(|consumer| consumer.name() == name);
        found.map(AsRef::as_ref).ok_or_else(|| ProjectionRefusal::Unknown { known: self.known.clone() })
    }

    async fn rows(&self, client: &Client) -> Result<Vec<ProjectionRow>, BoxError> {
        let mut builds: HashMap<String, Build> = shadow::progress(client).await?.into_iter().collect();
        let mut rows = Vec::with_capacity(self.consumers.len());
        for consumer in &self.consumers {
            let build = builds.remove(consumer.name());
            rows.push(row(client, consumer.as_ref(), build).await?);
        }
        Ok(rows)
    }
}

/// The consumer, its checkpoint, and what it has still to read. Numbers of a place that only passed
/// over events are those of the event before it.
const ROW: &str = "WITH c AS (SELECT COALESCE(max(tx_id::text)::xid8, '0') AS tx_id, COALESCE(max(position), 0) AS position, \
       COALESCE(max(status), 'running') AS status, max(last_error) AS last_error, \
       COALESCE(max(rate * exp(-LEAST(extract(epoch FROM now() - updated_at), 1000) / 10)), 0)::double precision AS rate \
       FROM projection_checkpoints WHERE name = $1 AND part = 0), \
     lag AS (SELECT count(*) AS events, min(recorded_at) AS oldest FROM c, LATERAL (SELECT recorded_at FROM events \
       WHERE (events.tx_id, events.position) > (c.tx_id, c.position) AND (cardinality($2::text[]) = 0 OR events.aggregate_type = ANY($2::text[])) \
       AND events.event_type <> ALL($4::text[]) ORDER BY events.tx_id, events.position LIMIT $3) AS e) \
     SELECT c.tx_id, COALESCE((SELECT e.position FROM events e WHERE (e.tx_id, e.position) <= (c.tx_id, c.position) \
         ORDER BY e.tx_id DESC, e.position DESC LIMIT 1), 0), c.status, c.last_error, c.rate, lag.events, \
       GREATEST(COALESCE(extract(epoch FROM clock_timestamp() - lag.oldest), 0), 0)::double precision, \
       (SELECT count(*) FROM projection_dead_letters d WHERE d.name = $1 AND d.discarded_at IS NULL), \
       EXISTS (SELECT FROM read_model_tables m WHERE m.model = $1) FROM c, lag";

async fn row(
    client: &Client,
    consumer: &dyn Projection,
    build: Option<Build>,
) -> Result<ProjectionRow, BoxError> {
    let statement = client.prepare_cached(ROW).await?;
    let name = consumer.name();
    let (reads, over) = (consumer.reads(), consumer.passed_over());
    let row = client.query_one(&statement, &[&name, &reads, &LAG_COUNTED_MAX, &over]).await?;
    let builds = build.as_ref().is_some_and(|build| build.phase.is_under_way());
    let at = cursor(&row)?;
    let off = projections::off(name, at);
    let state = match row.try_get(2)? {
        "paused" => ProjectionState::Paused,
        "halted" => ProjectionState::Halted,
        _ if off.is_some() => ProjectionState::Off,
        _ if builds => ProjectionState::Rebuilding,
        _ => ProjectionState::Running,
    };
    let is_off = state == ProjectionState::Off;
    Ok(ProjectionRow {
        name: name.to_owned(),
        version: version(name),
        state,
        off_because: off.filter(|_| is_off),
        at,
        last_error: row.try_get(3)?,
        rate: row.try_get(4)?,
        lag_events: if is_off { 0 } else { row.try_get(5)? },
        lag_seconds: if is_off { 0.0 } else { row.try_get(6)? },
        dead_letters: row.try_get(7)?,
        rebuildable: row.try_get::<_, bool>(8)? && consumer.effects() == Effects::Rows,
        build,
    })
}

/// `todo_list.v2` is version 2.
fn version(name: &str) -> i32 {
    name.rsplit_once(".v").and_then(|(_, version)| version.parse().ok()).unwrap_or(1)
}

#[async_trait]
impl ProjectionDesk for PgProjectionDesk {
    fn known(&self) -> &[&'static str] {
        &self.known
    }

    async fn list(&self) -> Result<Vec<ProjectionRow>, BoxError> {
        self.rows(&self.pool.get().await?).await
    }

    async fn act(&self, name: &str, act: ProjectionAct) -> Settled<ProjectionRow> {
        let consumer = match self.find(name) {
            Ok(consumer) => consumer,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        if let Err(refusal) = ask(&tx, consumer, act).await? {
            return Ok(Err(refusal));
        }
        tx.commit().await?;
        let build = shadow::progress(&client).await?.into_iter().find(|(of, _)| of == name);
        Ok(Ok(row(&client, consumer, build.map(|(_, build)| build)).await?))
    }

    async fn letters(
        &self,
        of: Option<&str>,
        window: &Window<DeadLetterId>,
    ) -> Result<Page<DeadLetter, DeadLetterId>, BoxError> {
        desk_letters::page(&*self.pool.get().await?, of, window).await
    }

    async fn count_letters(&self, of: Option<&str>) -> Result<i64, BoxError> {
        desk_letters::count(&*self.pool.get().await?, of).await
    }

    async fn settle(&self, id: &DeadLetterId, how: Settle) -> Settled<DeadLetter> {
        let Ok(consumer) = self.find(&id.projection) else { return Ok(Err(ProjectionRefusal::LetterGone)) };
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let settled = desk_letters::settle(&tx, consumer, id, how).await?;
        if settled.is_ok() {
            tx.commit().await?;
        }
        Ok(settled)
    }
}

async fn ask(
    tx: &Transaction<'_>,
    consumer: &dyn Projection,
    act: ProjectionAct,
) -> Result<Result<(), ProjectionRefusal>, BoxError> {
    let name = consumer.name();
    let check = |done: bool, refusal| if done { Ok(()) } else { Err(refusal) };
    Ok(match act {
        ProjectionAct::Pause => {
            set(tx, consumer, "paused").await?;
            Ok(())
        }
        ProjectionAct::Resume => {
            set(tx, consumer, "running").await?;
            Ok(())
        }
        ProjectionAct::Rebuild => {
            let sql = "SELECT EXISTS (SELECT FROM read_model_tables WHERE model = $1)";
            let has_tables: bool = tx.query_one(sql, &[&name]).await?.try_get(0)?;
            if !has_tables || consumer.effects() != Effects::Rows {
                return Ok(Err(ProjectionRefusal::NotRebuildable));
            }
            check(shadow::begin(tx, name).await? == Begun::Begun, ProjectionRefusal::UnderWay)
        }
        ProjectionAct::Cancel => check(shadow::cancel(tx, name).await?, ProjectionRefusal::NothingToCancel),
        ProjectionAct::Return => {
            check(shadow::take_back(tx, name).await?, ProjectionRefusal::NothingToReturnTo)
        }
    })
}

/// Before it ran for the first time a read model has no place yet, and may be stopped all the same.
async fn set(tx: &Transaction<'_>, consumer: &dyn Projection, status: &str) -> Result<(), BoxError> {
    let name = consumer.name();
    if consumer.effects() == Effects::Rows {
        tx.execute("INSERT INTO projection_checkpoints (name) VALUES ($1) ON CONFLICT DO NOTHING", &[&name])
            .await?;
    }
    let sql = "UPDATE projection_checkpoints SET status = $2, last_error = NULL, updated_at = now() WHERE name = $1";
    tx.execute(sql, &[&name, &status]).await?;
    Ok(())
}

/// The place in a row's first two columns.
pub(super) fn cursor(row: &Row) -> Result<Cursor, tokio_postgres::Error> {
    Ok(place(row, 0)?.unwrap_or_default())
}

/// A place as parameters.
pub(super) fn parameters(at: Cursor) -> (Xid, i64) {
    (Xid(at.tx), at.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_end_of_the_name() {
        assert_eq!((version("todo_list.v1"), version("todo_list.v12"), version("odd")), (1, 12, 1));
    }
}
