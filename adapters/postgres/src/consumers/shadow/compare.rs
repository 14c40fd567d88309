//! Compares a build with what serves, both at one position, while both are used.

use application::BoxError;
use deadpool_postgres::Transaction;
use tokio_postgres::IsolationLevel;

use super::{
    build::{Builder, Stop},
    store::{self, Stored},
};

impl Builder {
    /// Counts the rows that differ. A build exists to mend them: it serves whatever the number is,
    /// and the number is told.
    pub(super) async fn compare(&self, build: &mut Stored) -> Result<(), Stop> {
        let (mut holding, mut seeing) = (self.plain.get().await?, self.shadow.get().await?);
        let still = self.meet(&mut holding, build).await?;
        // The snapshot is taken while both stand still; it stays as it is when they go on.
        let snapshot = seeing
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await?;
        snapshot.query_one("SELECT pg_current_snapshot()::text", &[]).await?;
        let at = still.at();
        still.release().await?;
        let mut differing = 0;
        for table in comparable(&snapshot, &build.name).await? {
            differing += differences(&snapshot, &build.name, &table).await?;
        }
        snapshot.commit().await?;
        store::compared(&holding, build, differing).await?;
        if differing > 0 {
            tracing::warn!(
                consumer = build.name,
                differing,
                position = at.position,
                "what serves differs from what the log says; the build mends it"
            );
        }
        Ok(())
    }
}

/// The tables of a read model whose rows do not depend on how it was built.
async fn comparable(tx: &Transaction<'_>, model: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = "SELECT table_name FROM read_model_tables WHERE model = $1 AND comparable ORDER BY table_name";
    Ok(tx.query(sql, &[&model]).await?.iter().map(|row| row.get(0)).collect())
}

/// The tables of a read model.
pub(crate) async fn tables(tx: &Transaction<'_>, model: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = "SELECT table_name FROM read_model_tables WHERE model = $1 ORDER BY table_name";
    Ok(tx.query(sql, &[&model]).await?.iter().map(|row| row.get(0)).collect())
}

/// Rows that are in one only, or not the same in both.
async fn differences(tx: &Transaction<'_>, model: &str, table: &str) -> Result<i64, BoxError> {
    let sql = "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_index i \
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) \
               WHERE i.indrelid = format('public.%I', $1::text)::regclass AND i.indisprimary";
    let key: Option<String> = tx.query_one(sql, &[&table]).await?.try_get(0)?;
    let key = key.ok_or_else(|| format!("{table} has no primary key"))?;
    let home: String = tx.query_one("SELECT shadow_schema($1)::text", &[&model]).await?.try_get(0)?;
    let sql = format!(
        "SELECT count(*) FROM public.{table} AS a FULL JOIN {home}.{table} AS b USING ({key}) \
         WHERE (a.*) IS DISTINCT FROM (b.*)"
    );
    Ok(tx.query_one(&sql, &[]).await?.try_get(0)?)
}
