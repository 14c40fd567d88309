//! Finds pieces by chance: by rows, which finds those that differ and those that should not be there;
//! and by the log, which finds those that are missing.

use deadpool_postgres::Client;

use super::{Found, Piece};

/// A piece to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) key: String,
    /// The stream that led to it, unless a row did.
    pub(super) stream: Option<String>,
}

type Result<T> = std::result::Result<T, tokio_postgres::Error>;

/// Pages of a table that are looked into for rows.
const PAGES: f64 = 8.0;

/// Pieces of rows that are there, at most `most`.
pub(super) async fn by_rows(client: &Client, piece: &Piece, most: i64) -> Result<Vec<Picked>> {
    // A sample of whole pages reads no more than that, however large the table is.
    let sql = "SELECT GREATEST(relpages, 1)::float8 FROM pg_class WHERE oid = format('public.%I', $1::text)::regclass";
    let pages: f64 = client.query_one(sql, &[&piece.table]).await?.get(0);
    // A table that was never analysed says it has one page.
    let percent = (PAGES / pages * 100.0).min(100.0);
    let sql = format!(
        "SELECT DISTINCT key FROM (SELECT {} AS key FROM public.{} TABLESAMPLE SYSTEM ({percent}) \
         ORDER BY random() LIMIT $1) AS sample",
        piece.key, piece.table
    );
    let rows = client.query(&sql, &[&most]).await?;
    Ok(rows.iter().map(|row| Picked { key: row.get(0), stream: None }).collect())
}

/// A piece that the log leads to by chance.
pub(super) async fn by_log(client: &Client, piece: &Piece) -> Result<Option<Picked>> {
    let (row, stream) = match piece.found {
        Found::Chance(key) => (client.query_opt(key, &[]).await?, None),
        Found::Stream { of, led_to } => {
            let Some(stream) = stream(client, of).await? else { return Ok(None) };
            (client.query_opt(led_to, &[&stream]).await?, Some(stream))
        }
    };
    let key: Option<String> = row.and_then(|row| row.get(0));
    Ok(key.map(|key| Picked { key, stream }))
}

/// A stream of this type. Ids begin with the time they were made at, so that a number between the
/// first and the last is one by chance; first among tenants, then within one.
async fn stream(client: &Client, of: &str) -> Result<Option<String>> {
    let Some(first) = between(client, of, "", "g").await? else { return Ok(None) };
    match first.split_once('/') {
        None => Ok(Some(first)),
        Some((tenant, _)) => between(client, of, &format!("{tenant}/"), &format!("{tenant}0")).await,
    }
}

/// A stream with an id from `low` on and below `high`, by chance. What those have in common is `low`.
async fn between(client: &Client, of: &str, low: &str, high: &str) -> Result<Option<String>> {
    const ENDS: &str = "SELECT min(aggregate_id), max(aggregate_id) FROM events \
         WHERE aggregate_type = $1 AND aggregate_id >= $2 AND aggregate_id < $3";
    const ABOVE: &str = "SELECT min(aggregate_id) FROM events \
         WHERE aggregate_type = $1 AND aggregate_id >= $2 AND aggregate_id < $3";
    const BELOW: &str = "SELECT max(aggregate_id) FROM events \
         WHERE aggregate_type = $1 AND aggregate_id >= $2 AND aggregate_id < $3";
    let statement = client.prepare_cached(ENDS).await?;
    let row = client.query_one(&statement, &[&of, &low, &high]).await?;
    let (Some(first), Some(last)): (Option<String>, Option<String>) = (row.get(0), row.get(1)) else {
        return Ok(None);
    };
    let (from, to) = (number(&first[low.len()..]), number(&last[low.len()..]));
    let by_chance = format!("{low}{}", uuid::Uuid::from_u128(fastrand::u128(from.min(to)..=to.max(from))));
    // The next one, or the one before: otherwise the first of all would never be found. A tilde comes
    // after everything that an id goes on with.
    let end = format!("{by_chance}~");
    let (sql, from, to) =
        if fastrand::bool() { (ABOVE, by_chance.as_str(), high) } else { (BELOW, low, end.as_str()) };
    let statement = client.prepare_cached(sql).await?;
    let found: Option<String> = client.query_one(&statement, &[&of, &from, &to]).await?.get(0);
    Ok(Some(found.unwrap_or(first)))
}

/// The first id of a text, as a number.
fn number(text: &str) -> u128 {
    text.get(..36).and_then(|id| id.parse::<uuid::Uuid>().ok()).map_or(0, |id| id.as_u128())
}
