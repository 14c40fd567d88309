//! One row a key.

use application::{
    BoxError, Member,
    api_key::{ApiKeyList, ApiKeyRow, LISTED_MAX},
    ports::ReadModel,
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    ApiKeyId, TenantId, Timestamp,
    api_key::{ApiKey, ApiKeyEvent},
    role::Permission,
    upcasters,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    consumers::{Piece, Projection, ProjectionError, Written},
    log::Recorded,
    readers::TenantReaders,
    todo::ids,
};

/// Writes the rows. Keys change seldom: an event is a statement.
pub struct ApiKeyListProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for ApiKeyListProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

#[async_trait]
impl Projection for ApiKeyListProjection {
    fn name(&self) -> &'static str {
        ReadModel::ApiKeyList.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[ApiKey::TYPE]
    }

    fn pieces(&self) -> Vec<Piece> {
        vec![Piece::within("api_key_list", ApiKey::TYPE)]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        for recorded in batch {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let event: ApiKeyEvent = recorded.event(&self.steps).map_err(poison)?;
            let (tenant, id) = ids(&recorded.stream).map_err(poison)?;
            write_one(tx, tenant, id, recorded.sequence, event).await?;
        }
        Ok(Written::default())
    }
}

async fn write_one(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: Uuid,
    version: i64,
    event: ApiKeyEvent,
) -> Result<(), tokio_postgres::Error> {
    let set = async |column: &str, at: Timestamp| {
        let sql = format!(
            "UPDATE api_key_list SET {column} = $3, version = $4 WHERE tenant_id = $1 AND id = $2 AND version < $4"
        );
        tx.execute(&sql, &[&tenant.0, &id, &at, &version]).await.map(drop)
    };
    match event {
        ApiKeyEvent::Created { owner, name, prefix, permissions, expires_at, slot, at, .. } => {
            let sql = "INSERT INTO api_key_list (tenant_id, id, owner_id, name, prefix, permissions, slot, \
                       expires_at, created_at, version) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
            let slugs: Vec<&'static str> = permissions.into_iter().map(Permission::slug).collect();
            let slot = i16::from(slot.number());
            tx.execute(
                sql,
                &[
                    &tenant.0,
                    &id,
                    &owner.0,
                    &name.as_str(),
                    &prefix,
                    &slugs,
                    &slot,
                    &expires_at,
                    &at,
                    &version,
                ],
            )
            .await
            .map(drop)
        }
        ApiKeyEvent::Used { at } => set("last_used_at", at).await,
        ApiKeyEvent::Revoked { at } => set("revoked_at", at).await,
    }
}

/// The read model in Postgres.
pub struct PgApiKeyList {
    readers: TenantReaders,
}

impl PgApiKeyList {
    /// Queries from `readers`.
    pub fn new(readers: TenantReaders) -> Self {
        Self { readers }
    }
}

#[async_trait]
impl ApiKeyList for PgApiKeyList {
    async fn of(&self, owner: Member) -> Result<Vec<ApiKeyRow>, BoxError> {
        let sql = "SELECT id, name, prefix, permissions, expires_at, last_used_at, revoked_at, created_at \
                   FROM api_key_list WHERE tenant_id = $1 AND owner_id = $2 \
                   ORDER BY revoked_at IS NOT NULL, created_at DESC, id DESC LIMIT $3";
        let most = i64::try_from(LISTED_MAX)?;
        let mut reader = self.readers.of(owner.tenant).await?;
        reader.query(sql, &[&owner.tenant.0, &owner.user.0, &most]).await?.iter().map(read).collect()
    }

    async fn places(&self, owner: Member) -> Result<Vec<u8>, BoxError> {
        let sql = "SELECT slot FROM api_key_list \
                   WHERE tenant_id = $1 AND owner_id = $2 AND revoked_at IS NULL";
        let mut reader = self.readers.of(owner.tenant).await?;
        let rows = reader.query(sql, &[&owner.tenant.0, &owner.user.0]).await?;
        rows.iter().map(|row| Ok(u8::try_from(row.try_get::<_, i16>(0)?)?)).collect()
    }
}

fn read(row: &Row) -> Result<ApiKeyRow, BoxError> {
    let slugs: Vec<String> = row.try_get(3)?;
    Ok(ApiKeyRow {
        id: ApiKeyId(row.try_get(0)?),
        name: row.try_get(1)?,
        prefix: row.try_get(2)?,
        permissions: slugs.into_iter().map(Permission::try_from).collect::<Result<_, _>>()?,
        expires_at: row.try_get(4)?,
        last_used_at: row.try_get(5)?,
        revoked_at: row.try_get(6)?,
        created_at: row.try_get(7)?,
    })
}
