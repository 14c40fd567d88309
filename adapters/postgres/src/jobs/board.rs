//! The queue as operators see it.

use application::{
    BoxError, Edge, Page, Window,
    jobs::{Acted, JobBoard, JobCount, JobFilter, JobId, JobRow, JobState},
};
use async_trait::async_trait;
use deadpool_postgres::Pool;
use tokio_postgres::Row;

/// Reads the library's view; acts through the library's functions, which leave running jobs alone.
pub struct PgJobBoard {
    pool: Pool,
}

/// Where a job stands, from the library's columns.
const STATE: &str = "CASE WHEN locked_at IS NOT NULL THEN 'running' WHEN attempts >= max_attempts THEN 'dead' \
     WHEN attempts > 0 THEN 'retrying' ELSE 'waiting' END";
/// Queue and kind, each where one is asked for.
const OF_KIND: &str = "($2::text IS NULL OR split_part(task_identifier, ':', 1) = $2) \
     AND ($3::text IS NULL OR split_part(task_identifier, ':', 2) = $3)";
const COLUMNS: &str = "id, task_identifier, key, attempts, max_attempts, last_error, created_at, run_at";

impl PgJobBoard {
    /// The queue behind `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Acts on one job, then shows it as it is, or was.
    async fn act(&self, sql: &str, id: JobId) -> Result<Acted, BoxError> {
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let seen = format!("SELECT {COLUMNS}, {STATE} FROM graphile_worker.jobs WHERE id = $1");
        let before = tx.query_opt(&seen, &[&id.0]).await?;
        let done = tx.query(sql, &[&id.0]).await?;
        let after = tx.query_opt(&seen, &[&id.0]).await?;
        tx.commit().await?;
        match after.or(before) {
            None => Ok(Acted::Absent),
            Some(_) if done.is_empty() => Ok(Acted::Running),
            Some(row) => Ok(Acted::Done(job(&row)?)),
        }
    }
}

#[async_trait]
impl JobBoard for PgJobBoard {
    async fn page(
        &self,
        filter: &JobFilter,
        window: &Window<JobId>,
    ) -> Result<Page<JobRow, JobId>, BoxError> {
        let (beyond, order, place) = match window {
            Window::First(_, after) => ("id < $4", "DESC", after),
            Window::Last(_, before) => ("id > $4", "ASC", before),
        };
        let sql = format!(
            "SELECT {COLUMNS}, {STATE} FROM graphile_worker.jobs WHERE ($1::text IS NULL OR {STATE} = $1) \
             AND {OF_KIND} AND ($4::bigint IS NULL OR {beyond}) ORDER BY id {order} LIMIT $5"
        );
        let (state, place) = (filter.state.map(JobState::name), place.map(|id| id.0));
        // One more, to know whether there is one.
        let limit = i64::try_from(window.size() + 1)?;
        let client = self.pool.get().await?;
        let rows = client.query(&sql, &[&state, &filter.queue, &filter.kind, &place, &limit]).await?;
        let edge = |row| job(row).map(|node| Edge { key: node.id, node });
        Ok(Page::from_read(rows.iter().map(edge).collect::<Result<_, _>>()?, window))
    }

    async fn count(&self, filter: &JobFilter) -> Result<i64, BoxError> {
        let sql = format!(
            "SELECT count(*) FROM graphile_worker.jobs WHERE ($1::text IS NULL OR {STATE} = $1) AND {OF_KIND}"
        );
        let state = filter.state.map(JobState::name);
        let client = self.pool.get().await?;
        Ok(client.query_one(&sql, &[&state, &filter.queue, &filter.kind]).await?.try_get(0)?)
    }

    async fn retry(&self, id: JobId) -> Result<Acted, BoxError> {
        let sql = "SELECT id FROM graphile_worker.reschedule_jobs(ARRAY[$1::bigint], run_at => now(), attempts => 0)";
        self.act(sql, id).await
    }

    async fn discard(&self, id: JobId) -> Result<Acted, BoxError> {
        self.act("SELECT id FROM graphile_worker.complete_jobs(ARRAY[$1::bigint])", id).await
    }

    async fn stats(&self) -> Result<Vec<JobCount>, BoxError> {
        let sql = format!(
            "SELECT task_identifier, {STATE} AS state, count(*), \
             COALESCE(max(GREATEST(extract(epoch FROM now() - run_at) * 1000, 0)), 0)::bigint \
             FROM graphile_worker.jobs GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let client = self.pool.get().await?;
        let rows = client.query(&sql, &[]).await?;
        let count = |row: &Row| {
            Ok(JobCount {
                name: row.try_get(0)?,
                state: state(row.try_get(1)?)?,
                jobs: row.try_get(2)?,
                oldest_ms: row.try_get(3)?,
            })
        };
        rows.iter().map(count).collect()
    }
}

fn state(text: &str) -> Result<JobState, BoxError> {
    let found = JobState::ALL.into_iter().find(|state| state.name() == text);
    found.ok_or_else(|| format!("there is no state {text}").into())
}

fn job(row: &Row) -> Result<JobRow, BoxError> {
    Ok(JobRow {
        id: JobId(row.try_get(0)?),
        name: row.try_get(1)?,
        key: row.try_get(2)?,
        attempts: row.try_get(3)?,
        tries: row.try_get(4)?,
        last_error: row.try_get(5)?,
        created_at: row.try_get(6)?,
        run_at: row.try_get(7)?,
        state: state(row.try_get(8)?)?,
    })
}
