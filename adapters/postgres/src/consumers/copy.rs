//! Writing what is new the quick way.

use std::future::Future;

use deadpool_postgres::Transaction;
use tokio_postgres::{Error, error::SqlState};

/// From so many rows on a COPY is worth its round trips; fewer are inserted where that is simple.
pub(crate) const COPY_ROWS_MIN: usize = 64;

/// Runs `copy`: a COPY of new rows costs a fraction of an INSERT. Only a batch that was written
/// before, as after a checkpoint was moved back by hand, meets its own rows: then nothing of the
/// copy stays, and `insert` writes the batch in a way that leaves those rows as they are.
pub(crate) async fn copy_or_insert(
    tx: &Transaction<'_>,
    copy: impl Future<Output = Result<(), Error>> + Send,
    insert: impl Future<Output = Result<(), Error>> + Send,
) -> Result<(), Error> {
    // Both go out at once, in this order.
    let (begun, copied) = tokio::join!(tx.batch_execute("SAVEPOINT copied"), copy);
    begun?;
    match copied {
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            tx.batch_execute("ROLLBACK TO SAVEPOINT copied").await?;
            insert.await
        }
        done => done,
    }
}
