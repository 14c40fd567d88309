//! Where in the log a time or a position is.

use application::{BoxError, audit::Located, ports::Cursor};
use deadpool_postgres::Client;
use domain::Timestamp;

use crate::xid::{Xid, place};

/// Bounds within which all events of some times are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) from: Option<Cursor>,
    pub(super) to: Option<Cursor>,
}

/// The bounds of what was recorded from one time to another; none where there can be nothing.
pub(super) async fn bounds(
    client: &Client,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Option<Bounds>, BoxError> {
    let mut bounds = Bounds::default();
    if let Some(from) = from {
        // The first stretch up to whose end anything is as late is the first with such an event.
        let sql = "SELECT from_tx, from_position FROM audit_spans WHERE latest >= $1 \
                   ORDER BY latest, from_tx, from_position LIMIT 1";
        let statement = client.prepare_cached(sql).await?;
        let Some(row) = client.query_opt(&statement, &[&from]).await? else { return Ok(None) };
        bounds.from = place(&row, 0)?;
    }
    if let Some(to) = to {
        // The last stretch from which on anything is as early is the last with such an event.
        let sql = "SELECT to_tx, to_position FROM audit_spans WHERE earliest <= $1 \
                   ORDER BY earliest DESC, from_tx DESC, from_position DESC LIMIT 1";
        let statement = client.prepare_cached(sql).await?;
        let Some(row) = client.query_opt(&statement, &[&to]).await? else { return Ok(None) };
        bounds.to = place(&row, 0)?;
    }
    Ok(Some(bounds))
}

/// The last place whose event was recorded at `time` or before.
pub(super) async fn place_at(client: &Client, time: Timestamp) -> Result<Cursor, BoxError> {
    let sql = "SELECT e.tx_id, e.position FROM (SELECT * FROM audit_spans WHERE earliest <= $1 \
                 ORDER BY earliest DESC, from_tx DESC, from_position DESC LIMIT 1) AS s \
               JOIN events AS e ON (e.tx_id, e.position) >= (s.from_tx, s.from_position) \
                 AND (e.tx_id, e.position) <= (s.to_tx, s.to_position) \
               WHERE e.recorded_at <= $1 ORDER BY e.tx_id DESC, e.position DESC LIMIT 1";
    let statement = client.prepare_cached(sql).await?;
    let row = client.query_opt(&statement, &[&time]).await?;
    Ok(row.map(|row| place(&row, 0)).transpose()?.flatten().unwrap_or_default())
}

/// Where a position is, or the one before where no event has it.
pub(super) async fn locate(client: &Client, position: i64) -> Result<Located, BoxError> {
    // Stretches overlap in positions only where transactions did: a few at most hold it, or, where
    // none does, it lies behind the one with the highest position below. Each is walked by itself, in
    // the order of the log: joined, the planner takes it for a ninth of the log, and reads all of it.
    let sql = "SELECT e.tx_id, e.position FROM \
                 (SELECT * FROM audit_spans WHERE low_position <= $1 AND high_position >= $1 \
                  UNION ALL (SELECT * FROM audit_spans WHERE high_position < $1 \
                    ORDER BY high_position DESC LIMIT 1)) AS s \
               CROSS JOIN LATERAL (SELECT tx_id, position FROM events \
                 WHERE (tx_id, position) >= (s.from_tx, s.from_position) \
                   AND (tx_id, position) <= (s.to_tx, s.to_position) ORDER BY tx_id, position OFFSET 0) AS e \
               WHERE e.position <= $1 ORDER BY e.position DESC LIMIT 1";
    let last = "SELECT COALESCE(max(high_position), 0) FROM audit_spans";
    let (statement, last) = tokio::try_join!(client.prepare_cached(sql), client.prepare_cached(last))?;
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&position];
    let (row, last) = tokio::try_join!(client.query_opt(&statement, &params), client.query_one(&last, &[]))?;
    let last: i64 = last.try_get(0)?;
    if position > last {
        return Ok(Located::BeyondEnd { last });
    }
    let found = row.map(|row| place(&row, 0)).transpose()?.flatten();
    Ok(Located::At(found.unwrap_or_default()))
}

/// A place as two parameters.
pub(super) const fn parameters(cursor: Cursor) -> (Xid, i64) {
    (Xid(cursor.tx), cursor.position)
}
