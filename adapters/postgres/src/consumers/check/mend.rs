//! Mends a piece that differs: computed anew once more while the read model stands still, and put in
//! the place of what is there, in one transaction.

use application::BoxError;
use deadpool_postgres::Client;

use super::{
    Piece,
    fold::{self, Outcome},
    pick::Picked,
};
use crate::consumers::Projection;

/// How long to wait for the read model to end its batch.
const BATCH_WAIT_MAX_MS: u32 = 5_000;

/// Mends a piece. How many rows differed; 0 when it is well after all.
pub(super) async fn mend(
    client: &mut Client,
    projection: &dyn Projection,
    piece: &Piece,
    picked: &Picked,
) -> Result<i64, BoxError> {
    let tx = client.transaction().await?;
    tx.batch_execute(&format!("SET LOCAL lock_timeout = '{BATCH_WAIT_MAX_MS}ms'")).await?;
    // The fence: whoever writes this read model has its checkpoint first, and waits for us.
    let at = fold::stands(&tx, projection.name(), "FOR UPDATE").await?;
    let differing = match fold::compute(&tx, projection, piece, picked, at).await? {
        Outcome::Differing(rows @ 1..) => rows,
        Outcome::Differing(_) | Outcome::TooLarge => return Ok(0),
    };
    let Piece { table, rows, .. } = piece;
    tx.execute(&format!("DELETE FROM public.{table} WHERE {rows}"), &[&picked.key]).await?;
    let sql = format!("INSERT INTO public.{table} SELECT * FROM pg_temp.{table} WHERE {rows}");
    tx.execute(&sql, &[&picked.key]).await?;
    tx.commit().await?;
    Ok(differing)
}
