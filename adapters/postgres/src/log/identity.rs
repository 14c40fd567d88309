//! Which log this is: positions in another one mean other events.

use application::BoxError;
use aws_lc_rs::digest::{SHA256, digest};
use deadpool_postgres::Pool;

/// What tells this log from all others: the server, the database, and the epoch, which is set anew
/// where a log goes on from a copy of itself on the same server.
const SQL: &str = "SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), \
     (SELECT oid FROM pg_database WHERE datname = current_database()), epoch) FROM log_identity";

/// The mark of the log behind `pool`.
pub async fn identity(pool: &Pool) -> Result<[u8; 8], BoxError> {
    let text: String = pool.get().await?.query_one(SQL, &[]).await?.try_get(0)?;
    let mut mark = [0; 8];
    mark.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..8]);
    Ok(mark)
}

/// Whether the log names transactions that this server has not had yet, as after a restore from a
/// dump: readers would take its newest events for open transactions, and skip what is appended.
pub async fn is_ahead(client: &tokio_postgres::Client) -> Result<bool, tokio_postgres::Error> {
    let sql = "SELECT EXISTS (SELECT FROM events WHERE tx_id >= pg_snapshot_xmax(pg_current_snapshot()))";
    client.query_one(sql, &[]).await?.try_get(0)
}
