//! One row a role.

use application::{
    BoxError,
    ports::ReadModel,
    role::{RoleList, RoleRow},
};
use async_trait::async_trait;
use cqrs_es::{Aggregate, persist::EventUpcaster};
use deadpool_postgres::Transaction;
use domain::{
    RoleId, TenantId,
    role::{Permission, Role, RoleEvent, RoleRef},
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

/// Writes the rows. Roles change seldom: an event is a statement.
pub struct RoleListProjection {
    steps: Vec<Box<dyn EventUpcaster>>,
}

impl Default for RoleListProjection {
    fn default() -> Self {
        Self { steps: upcasters() }
    }
}

#[async_trait]
impl Projection for RoleListProjection {
    fn name(&self) -> &'static str {
        ReadModel::RoleList.name()
    }

    fn reads(&self) -> &'static [&'static str] {
        &[Role::TYPE]
    }

    fn pieces(&self) -> Vec<Piece> {
        vec![Piece::within("role_list", Role::TYPE)]
    }

    async fn write(&self, tx: &Transaction<'_>, batch: &[Recorded]) -> Result<Written, ProjectionError> {
        for recorded in batch {
            let poison = |cause| ProjectionError::Poison { at: recorded.cursor, cause };
            let event: RoleEvent = recorded.event(&self.steps).map_err(poison)?;
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
    event: RoleEvent,
) -> Result<(), tokio_postgres::Error> {
    let set = |column: &str| {
        format!(
            "UPDATE role_list SET {column} = $3, version = $4 WHERE tenant_id = $1 AND id = $2 AND version < $4"
        )
    };
    let slugs = |permissions: std::collections::BTreeSet<Permission>| -> Vec<&'static str> {
        permissions.into_iter().map(Permission::slug).collect()
    };
    match event {
        RoleEvent::Defined { name, permissions, at, .. } => {
            let sql = "INSERT INTO role_list (tenant_id, id, name, permissions, created_at, version) \
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
            tx.execute(sql, &[&tenant.0, &id, &name.as_str(), &slugs(permissions), &at, &version]).await?;
        }
        RoleEvent::Renamed { name, .. } => {
            tx.execute(&set("name"), &[&tenant.0, &id, &name.as_str(), &version]).await?;
        }
        RoleEvent::PermissionsChanged { permissions, .. } => {
            tx.execute(&set("permissions"), &[&tenant.0, &id, &slugs(permissions), &version]).await?;
        }
        RoleEvent::Deleted { .. } => {
            tx.execute("DELETE FROM role_list WHERE tenant_id = $1 AND id = $2", &[&tenant.0, &id]).await?;
        }
    }
    Ok(())
}

/// The read model in Postgres.
pub struct PgRoleList {
    readers: TenantReaders,
}

impl PgRoleList {
    /// Queries from `readers`.
    pub fn new(readers: TenantReaders) -> Self {
        Self { readers }
    }
}

#[async_trait]
impl RoleList for PgRoleList {
    async fn all(&self, tenant: TenantId) -> Result<Vec<RoleRow>, BoxError> {
        let sql = "SELECT id, name, permissions FROM role_list WHERE tenant_id = $1 ORDER BY created_at, id";
        self.readers.of(tenant).await?.query(sql, &[&tenant.0]).await?.iter().map(read).collect()
    }

    async fn by_ids(&self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<RoleRow>, BoxError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let sql = "SELECT id, name, permissions FROM role_list WHERE tenant_id = $1 AND id = ANY($2)";
        self.readers.of(tenant).await?.query(sql, &[&tenant.0, &ids]).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<RoleRow, BoxError> {
    let slugs: Vec<String> = row.try_get(2)?;
    Ok(RoleRow {
        id: RoleRef::Custom(RoleId(row.try_get(0)?)),
        name: row.try_get(1)?,
        permissions: slugs.into_iter().map(Permission::try_from).collect::<Result<_, _>>()?,
    })
}
