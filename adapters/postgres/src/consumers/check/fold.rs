//! Computes a piece anew, in tables of the session's own, and compares it with what serves.

use std::{collections::HashSet, panic::AssertUnwindSafe};

use application::{BoxError, ports::Cursor};
use deadpool_postgres::{Client, Transaction};
use futures_util::FutureExt;
use tokio_postgres::{IsolationLevel, types::Type};

use super::{Found, Made, Piece, pick::Picked};
use crate::{
    consumers::{Projection, letters, shadow},
    log::{self, Recorded},
    xid::{Xid, place},
};

/// A piece of more events than these is left out: it would take too long beside everything else.
const PIECE_EVENTS_MAX: i64 = 10_000;

/// What came of computing a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Rows that differ; 0 when all is well.
    Differing(i64),
    /// It is too large to be looked at.
    TooLarge,
}

/// Makes the session's own tables: what the projection writes into while it is checked.
///
/// They come before all others in the session's search path. The check itself runs in a transaction
/// that may only write into such tables: it cannot touch those that serve, whatever happens here.
pub(super) async fn prepare(client: &mut Client, model: &str) -> Result<(), BoxError> {
    let tx = client.transaction().await?;
    for table in shadow::tables(&tx, model).await? {
        tx.batch_execute(&format!(
            "CREATE TEMP TABLE IF NOT EXISTS {table} (LIKE public.{table} INCLUDING ALL) ON COMMIT DELETE ROWS"
        ))
        .await?;
    }
    Ok(tx.commit().await?)
}

/// Computes a piece anew as of the position at which the read model stands, and counts the rows that
/// differ. One snapshot shows rows, checkpoint and events as they belong together.
pub(super) async fn look(
    client: &mut Client,
    projection: &dyn Projection,
    piece: &Piece,
    picked: &Picked,
) -> Result<Outcome, BoxError> {
    let begun = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let tx = begun.start().await?;
    let at = stands(&tx, projection.name(), "").await?;
    let outcome = compute(&tx, projection, piece, picked, at).await?;
    tx.rollback().await?;
    Ok(outcome)
}

/// Where the read model stands. `lock` is empty, or holds it there.
pub(super) async fn stands(tx: &Transaction<'_>, name: &str, lock: &str) -> Result<Cursor, BoxError> {
    let sql =
        format!("SELECT tx_id, position FROM projection_checkpoints WHERE name = $1 AND part = 0 {lock}");
    let row = tx.query_opt(&sql, &[&name]).await?;
    Ok(row.map(|row| place(&row, 0)).transpose()?.flatten().unwrap_or_default())
}

/// Writes the piece's events up to `at` into the session's tables, and counts the differences.
pub(super) async fn compute(
    tx: &Transaction<'_>,
    projection: &dyn Projection,
    piece: &Piece,
    picked: &Picked,
    at: Cursor,
) -> Result<Outcome, BoxError> {
    let name = projection.name();
    guard(tx, name).await?;
    if let Made::Sum(sql) = piece.made {
        tx.execute(sql, &[&picked.key, &Xid(at.tx), &at.position]).await?;
    } else {
        let discarded = letters::discarded(tx.client(), name).await?;
        let Some(events) = events(tx, projection, piece, picked, at, &discarded).await? else {
            return Ok(Outcome::TooLarge);
        };
        if !events.is_empty() {
            let written = AssertUnwindSafe(projection.write(tx, &events)).catch_unwind().await;
            written.map_err(|_| "the projection panicked")??;
        }
    }
    let key: String = tx.query_one(KEY, &[&piece.table]).await?.try_get(0)?;
    let Piece { table, rows, .. } = piece;
    let sql = format!(
        "SELECT count(*) FROM (SELECT * FROM public.{table} WHERE {rows}) AS a \
         FULL JOIN (SELECT * FROM pg_temp.{table} WHERE {rows}) AS b USING ({key}) WHERE (a.*) IS DISTINCT FROM (b.*)"
    );
    Ok(Outcome::Differing(tx.query_one(&sql, &[&picked.key]).await?.try_get(0)?))
}

/// The columns of a table's primary key.
const KEY: &str = "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_index i \
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) \
     WHERE i.indrelid = format('public.%I', $1::text)::regclass AND i.indisprimary";

/// Nothing is written unless every table is the session's own.
async fn guard(tx: &Transaction<'_>, model: &str) -> Result<(), BoxError> {
    let sql = "SELECT count(*) FROM read_model_tables WHERE model = $1 AND (to_regclass(table_name) IS NULL \
               OR to_regclass(table_name) IS DISTINCT FROM to_regclass('pg_temp.' || quote_ident(table_name)))";
    let others: i64 = tx.query_one(sql, &[&model]).await?.try_get(0)?;
    if others == 0 { Ok(()) } else { Err(format!("the tables of {model} are not this session's own").into()) }
}

/// The events of a piece, in the order of the log. `None`: there are too many.
async fn events(
    tx: &Transaction<'_>,
    projection: &dyn Projection,
    piece: &Piece,
    picked: &Picked,
    at: Cursor,
    discarded: &HashSet<Cursor>,
) -> Result<Option<Vec<Recorded>>, BoxError> {
    let columns = log::COLUMNS.split(',').map(|column| format!("e.{}", column.trim()));
    let (of, which) = match piece.made {
        Made::Streams(sql) => (sql, "(e.aggregate_type, e.aggregate_id)"),
        Made::Events(sql) => (sql, "(e.tx_id, e.position)"),
        // What adds up the log reads it itself.
        Made::Sum(_) => return Ok(Some(Vec::new())),
    };
    let sql = format!(
        "WITH s (a, b) AS ({of}) SELECT {} FROM s JOIN events e ON {which} = (s.a, s.b) \
         WHERE (cardinality($4::text[]) = 0 OR e.aggregate_type = ANY($4::text[])) AND (e.tx_id, e.position) <= ($5, $6) \
         ORDER BY e.tx_id, e.position LIMIT $7",
        columns.collect::<Vec<_>>().join(", ")
    );
    let led_by = match piece.found {
        Found::Stream { of, .. } => of,
        Found::Chance(_) => "",
    };
    let (tx_id, limit) = (Xid(at.tx), PIECE_EVENTS_MAX + 1);
    let rows = tx
        .query_typed(
            &sql,
            &[
                (&picked.key, Type::TEXT),
                (&picked.stream, Type::TEXT),
                (&led_by, Type::TEXT),
                (&projection.reads(), Type::TEXT_ARRAY),
                (&tx_id, Type::XID8),
                (&at.position, Type::INT8),
                (&limit, Type::INT8),
            ],
        )
        .await?;
    if i64::try_from(rows.len())? > PIECE_EVENTS_MAX {
        return Ok(None);
    }
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        events.extend(log::recorded(row, 0)?.filter(|event| !discarded.contains(&event.cursor)));
    }
    Ok(Some(events))
}
